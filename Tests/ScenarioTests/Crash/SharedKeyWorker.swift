import Foundation
import TestKit

/// Puts and removes keys that others put and remove at the same time. Whose answer came last is not known then, so what
/// is there must be right, and known to the log.
final class SharedKeyWorker: CrashWorker, @unchecked Sendable {
    private let repository: DiskRepository
    private let contents: [(bytes: [UInt8], key: String)]
    private var calls: P2PCalls
    private var generator: SeededGenerator

    /// - Parameter contents: the seed of the contents; workers with the same one share them.
    init(_ hosted: HostedRepository, contents seed: UInt64, seed ownSeed: UInt64) throws {
        repository = DiskRepository(path: hosted.directory)
        calls = try hosted.p2p()
        contents = try [1, 5000, 60_000].map { size in
            let bytes = seededBytes(size, seed: seed &+ UInt64(size))
            return (bytes, try Tools.sha256Key(bytes))
        }
        generator = SeededGenerator(seed: ownSeed)
    }

    func work(_ round: CrashRound) {
        calls.http.port = round.port
        while !round.ended {
            guard let (bytes, key) = contents.randomElement(using: &generator) else { return }
            // The server may be killed under the request.
            if generator.chance(50) { _ = try? calls.put(key, bytes) } else { _ = try? calls.remove(key) }
        }
    }

    func verify(_ findings: Findings) {
        for (bytes, key) in contents {
            do {
                let isPresent = try calls.checkPresent(key) ?? false
                let isLogged = try repository.isLogged(key, in: calls.uuid)
                findings.expect(
                    isPresent == isLogged,
                    "\(key) in \(repository.path), shared: it is \(isPresent ? "" : "not ")here, and the log differs")
                let content = try calls.get(key)
                findings.expect(
                    isPresent ? content.body == bytes : content.status == 404,
                    "\(key) in \(repository.path), shared: \(content.status), \(content.body.count) bytes")
            } catch {
                findings.add("\(key), shared: \(error)")
            }
        }
    }
}
