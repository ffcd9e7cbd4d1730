import AnnexDigest
import AnnexProtocol
import Blocking
import FileIO
import Foundation
import Locations
import Logging
import NIOCore
import Synchronization
import SystemPackage
import Testing

@testable import AnnexBranch
@testable import Hosting

/// A host's root folder with the repository `data`, which holds one object already.
final class Site: Sendable {
    let folder: FilePath
    let root: RootFolder
    let services: HostServices

    /// One pool for all, as in a server; its threads would pile up otherwise.
    private static let pool = BlockingPool(threadCount: 4)
    private init(_ folder: FilePath, withReserve: Bool = false) {
        self.folder = folder
        root = RootFolder(folder.appending("root"))
        let reserve = withReserve ? SpaceReserve(root.reserve, size: 1 << 20) : nil
        // Nothing is committed but when the test says so: operations in the background would change the count.
        services = HostServices(
            pool: Self.pool, locks: LockTable(limit: 100, limitPerClient: 100),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, commitDelay: .seconds(600),
            reserve: reserve)
    }

    deinit { try? Files.removeTree(folder) }

    private static func freshFolder() throws -> FilePath {
        var template = Array((NSTemporaryDirectory() + "/annexd-fault-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw SetupFailed() }
        return FilePath(platformString: template)
    }

    /// A root folder without repositories.
    static func empty() throws -> Site {
        let site = Site(try freshFolder())
        try site.root.prepare()
        return site
    }

    /// A root folder with `data` and in it the content of ``Sample/old``, its location committed.
    static func withRepository() async throws -> Site {
        let site = try empty()
        try await site.manager.create(Site.name)
        try await site.opened { place in
            #expect(try await place.put(.old) == .stored(at: [place.uuid]))
            try await place.repository.branch?.flush()
        }
        return site
    }

    /// The same once more, for an attempt that starts from the beginning.
    func copy(withReserve: Bool = false) throws -> Site {
        let site = Site(try Self.freshFolder(), withReserve: withReserve)
        try FileManager.default.copyItem(atPath: root.path.string, toPath: site.root.path.string)
        return site
    }

    var manager: RepositoryManager { RepositoryManager(root: root, services: services) }

    static let name = RepositoryName("data")!

    /// Runs `body` on the repository as a process does that has just been started.
    func opened<Result>(
        _ name: RepositoryName = Site.name, _ body: (Place) async throws -> Result
    ) async throws -> Result {
        let catalog = Catalog(root: root, services: services)
        let repository = try #require(try await catalog.repository(named: name))
        let uuid = try #require(repository.uuid)
        let location = try #require(repository.ownContent)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(Place(repository: repository, location: location, uuid: uuid)))
        } catch {
            result = .failure(error)
        }
        // As far as a process that is killed goes: the journal is left as it is.
        await repository.branch?.objects.reader.close()
        return try result.get()
    }
}

struct SetupFailed: Error {}

/// Some content and its key.
struct Sample: Sendable {
    let content: [UInt8]
    let key: Key

    init(_ seed: UInt8, count: Int = 20_000) {
        content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 7) ^ seed }
        let digest = StreamingDigest.digest(.sha256, of: content)
        let hex = digest.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
        guard let key = try? Key(parsing: "SHA256-s\(count)--\(hex)") else { preconditionFailure("not a key: \(hex)") }
        self.key = key
    }

    static let old = Sample(1)
    static let new = Sample(2)
}

/// The content location of an open repository.
struct Place {
    let repository: HostedRepository
    let location: any ContentLocation
    let uuid: RepositoryUUID

    func put(_ sample: Sample) async throws -> StoreOutcome {
        let offset: UInt64
        switch try await location.partial(of: sample.key, for: Array("client".utf8)) {
        case .alreadyPresent(let places): return .stored(at: places)
        case .bytes(let count): offset = count
        }
        let rest = Array(sample.content.dropFirst(Int(offset)))
        return try await location.store(
            sample.key,
            from: Upload(
                client: Array("client".utf8), associatedFile: nil, offset: offset, length: Int64(rest.count),
                body: Bytes(rest)))
    }

    func remove(_ sample: Sample) async throws -> RemovalOutcome { try await location.remove(sample.key, before: nil) }

    func log(_ sample: Sample) async throws -> PresenceLog.Status? {
        try await repository.branch?.locations(of: sample.key)[uuid]
    }

    /// What is at the object's place, if anything.
    func content(_ sample: Sample) async throws -> [UInt8]? {
        guard let content = try await location.open(sample.key, for: Reading()),
            case .file(let file) = content.source
        else { return nil }
        return try file.readAll(limit: 1 << 20)
    }

    /// The content is here as it should be, and is said to be.
    func expectStored(_ sample: Sample, _ context: String) async throws {
        #expect(try await content(sample) == sample.content, "\(context)")
        #expect(try await log(sample) == .present, "\(context)")
    }

    /// The content is gone and is said to be.
    func expectRemoved(_ sample: Sample, _ context: String) async throws {
        #expect(try await content(sample) == nil, "\(context)")
        #expect(try await log(sample) != .present, "\(context)")
    }
}

/// Pieces of a body, handed out one by one.
final class Pieces: Sendable {
    private let left: Mutex<[[UInt8]]>

    init(_ pieces: [[UInt8]]) { left = Mutex(pieces.filter { !$0.isEmpty }) }

    func next() -> ByteBuffer? {
        left.withLock { $0.isEmpty ? nil : ByteBuffer(bytes: $0.removeFirst()) }
    }
}

/// An upload's bytes in two pieces.
private final class Bytes: UploadBody {
    private let pieces: Pieces

    init(_ bytes: [UInt8]) {
        pieces = Pieces([Array(bytes[..<(bytes.count / 2)]), Array(bytes[(bytes.count / 2)...])])
    }

    func next() async throws -> UploadChunk { pieces.next().map { .bytes($0) } ?? .end(.unchecked) }
}

/// Runs `attempt` again and again on copies of a site, and lets another one of its file operations fail each time.
///
/// - Parameters:
///   - prepare: what happens before, without a fault.
///   - attempt: the work; what it answers or throws is given to `check`.
///   - check: looks at the result as a process does that was started afterwards; without a fault.
func everyOperationFails<Result: Sendable>(
    _ fault: Fault, on template: Site, prepare: (Place) async throws -> Void = { _ in },
    attempt: (Place) async throws -> Result,
    check: (Site, Swift.Result<Result, any Error>, String) async throws -> Void
) async throws {
    var number = 0
    while true {
        let site = try template.copy()
        let plan = FaultPlan(below: site.folder, target: number, code: fault.code(number))
        let result: Swift.Result<Result, any Error> = try await site.opened { place in
            try await prepare(place)
            return await plan.run {
                do { return .success(try await attempt(place)) } catch { return .failure(error) }
            }
        }
        let context = "\(fault.code(number)) from operation \(number), \(plan.struck ?? "none"): \(result)"
        try await check(site, result, context)
        guard plan.struck != nil else {
            // Without a fault all of it must have worked, or the loop would prove nothing.
            if case .failure = result { Issue.record("\(context)") }
            #expect(number > 5, "\(number) operations are too few to be true")
            return
        }
        number += Fault.stride
    }
}

/// Which errno the failing operations give. As a rule each operation fails once, and the three kinds of failure that
/// are met in practice take turns; with `ANNEXD_TEST_FAULTS=all` each operation fails with each of them, with `some`
/// every seventh in turn.
enum Fault: Sendable, CustomTestStringConvertible {
    case inTurn
    case always(Errno)

    static let errnos: [Errno] = [.noSpace, .ioError, .tooManyOpenFiles]

    private static let extent = ProcessInfo.processInfo.environment["ANNEXD_TEST_FAULTS"]

    static let rounds: [Fault] = extent == "all" ? errnos.map { .always($0) } : [.inTurn]
    /// From one operation that fails to the next.
    static let stride = extent == "some" ? 7 : 1

    /// The errno for the operation with this number.
    func code(_ number: Int) -> Errno {
        switch self {
        case .inTurn: Self.errnos[number % Self.errnos.count]
        case .always(let code): code
        }
    }

    var testDescription: String {
        switch self {
        case .inTurn: "in turn"
        case .always(let code): "\(code)"
        }
    }
}
