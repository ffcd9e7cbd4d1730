import AnnexProtocol
import Locations
import NIOCore
import NIOHTTP1
import Synchronization

extension AnnexHTTPLocation {
    func open(_ key: Key, for reading: Reading) async throws -> Content? {
        let place = try await state.gate.enter(reading.wantsBytes ? .transfer : .question, name)
        var isHandedOver = false
        defer { if !isHandedOver { place.release() } }
        let offset = reading.wantsBytes ? reading.offset : 0
        guard let incoming = try await begin(key, from: offset, method: reading.wantsBytes ? .GET : .HEAD),
            let size = try await size(of: key, incoming, offset)
        else { return nil }
        let content = IncomingContent(
            location: self, key: key, size: size,
            running: reading.wantsBytes ? .init(incoming: incoming, offset: offset, place: place) : nil)
        isHandedOver = reading.wantsBytes
        return Content(size: size, source: .stream(content))
    }

    /// The answer with the content from `offset` on, or nil where the target does not have it.
    func begin(_ key: Key, from offset: UInt64, method: HTTPMethod = .GET) async throws -> Incoming? {
        let operation = P2POperation.getContent(key, offset: offset, associatedFile: nil)
        for _ in 0..<2 {
            let known = state.versions.withLock { $0.current(at: .now) }
            let version = known ?? client.settings.highestVersion
            let found = try await state.login.authorizing { credentials in
                let incoming = try await client.open(request(operation, version, credentials, method: method))
                if incoming.answer.status == 200 { return Opened.content(incoming) }
                var answer = incoming.answer
                answer.body = try await incoming.collect()
                return Opened.failure(answer)
            }
            switch found {
            case .content(let incoming):
                incoming.pause()
                state.versions.withLock { $0.learned(version, at: .now) }
                return incoming
            case .failure(let answer):
                // The answer to HEAD has no body, which would tell a version that is too new from other mistakes.
                let isUntold = method == .HEAD && answer.status == 400
                guard answer.saysNoSuchPath || isUntold else { throw answer.failure(from: name) }
            }
            // That stands for an absent key, an unknown version and an unknown repository alike; this tells which.
            guard try await askPresence(of: key) else { return nil }
            if state.versions.withLock({ $0.current(at: .now) }) == version { break }
        }
        throw LocationError(.misbehaved, "\(name) says that it has \(key), and does not send it")
    }

    private enum Opened: WithStatus {
        case content(Incoming)
        case failure(Exchange.Answer)

        var answer: Exchange.Answer {
            switch self {
            case .content(let incoming): incoming.answer
            case .failure(let answer): answer
            }
        }
    }

    /// The size of the whole content, or nil where the target turns out not to have it.
    private func size(of key: Key, _ incoming: Incoming, _ offset: UInt64) async throws -> UInt64? {
        let length = try announcedLength(incoming)
        // The stock program answers with an empty body where a key is absent (spec 01 §6.3).
        if length == 0, try await !askPresence(of: key) { return nil }
        if let size = key.size, key.chunk == nil {
            guard length == (offset < size ? size - offset : 0) else {
                throw LocationError(
                    .misbehaved, "\(name) announces \(length) bytes of \(key) from \(offset) on, which cannot be")
            }
            return size
        }
        if length > 0 || offset == 0 { return offset + length }
        // Nothing is left from there on; how much there is before is another question.
        guard let whole = try await begin(key, from: 0, method: .HEAD) else { return nil }
        return try announcedLength(whole)
    }

    func announcedLength(_ incoming: Incoming) throws -> UInt64 {
        let value = incoming.answer.headers.first(name: DataLengthHeader.name)
        guard let length = try? DataLengthHeader.parse(value.map { Array($0.utf8) }), length >= 0 else {
            throw LocationError(.misbehaved, "\(name) does not tell how many bytes follow")
        }
        return UInt64(length)
    }
}

/// Content of a target, perhaps with an answer that is running already.
private final class IncomingContent: StreamedContent {
    struct Running: Sendable {
        var incoming: Incoming
        var offset: UInt64
        var place: Place
    }

    private let location: AnnexHTTPLocation
    private let key: Key
    private let size: UInt64
    private let running: Mutex<Running?>

    init(location: AnnexHTTPLocation, key: Key, size: UInt64, running: Running?) {
        self.location = location
        self.key = key
        self.size = size
        self.running = Mutex(running)
    }

    func bytes(from offset: UInt64) async throws -> any ContentBytes {
        let begun = running.withLock { running in
            defer { running = nil }
            return running
        }
        if let begun, begun.offset == offset { return bytes(begun) }
        // Another part is wanted: the answer that is running is given up, and its place used again.
        begun?.incoming.cancel()
        let place: Place
        if let begun {
            place = begun.place
        } else {
            place = try await location.state.gate.enter(.transfer, location.name)
        }
        guard let incoming = try await location.begin(key, from: offset) else {
            throw LocationError(.misbehaved, "\(location.name) no longer has \(key)")
        }
        guard try location.announcedLength(incoming) == (offset < size ? size - offset : 0) else {
            throw LocationError(.misbehaved, "\(location.name) announces another size of \(key) than before")
        }
        return bytes(Running(incoming: incoming, offset: offset, place: place))
    }

    private func bytes(_ running: Running) -> IncomingBytes {
        IncomingBytes(
            location: location, key: key, length: running.offset < size ? size - running.offset : 0,
            incoming: running.incoming, place: running.place,
            verifier: running.offset == 0 ? StreamVerifier(key, pool: location.pool) : nil)
    }
}
