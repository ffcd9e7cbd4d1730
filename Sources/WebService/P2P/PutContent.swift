import AnnexProtocol
import Hosting
import Locations
import NIOCore
import Synchronization

extension P2PHandler {
    /// `put` (spec 01 §6.5).
    func put(_ put: P2POperation.Put) async throws {
        if put.isDataPresent { return try await answer(try await location.confirm(put.key)) }
        let length: Int64
        do {
            length = try DataLengthHeader.parse(exchange.header(DataLengthHeader.name).map { Array($0.utf8) })
        } catch {
            throw ServiceError.badRequest(error.message)
        }
        let upload = Upload(
            client: client, associatedFile: put.associatedFile, offset: put.offset, length: length,
            body: ExchangeBody(exchange, after: beginning))
        try await answer(try await location.store(put.key, from: upload))
    }

    /// `putoffset`: how much of an interrupted upload of this client is here; changes nothing.
    func putOffset(_ key: Key) async throws {
        switch try await location.partial(of: key, for: client) {
        case .alreadyPresent(let others):
            try await reply(.alreadyHave(plusUUIDs: others))
        case .bytes(let count):
            let isCareful = key.expectedDigest == nil
            try await reply(.offset(count), headers: isCareful ? [(P2PReply.ownPartialHeader, "yes")] : [])
        }
    }

    private func answer(_ outcome: StoreOutcome) async throws {
        switch outcome {
        case .stored(let others):
            // A client that still sends must be heard out: cutting it off would look like a broken connection.
            try await exchange.drainBody()
            try await reply(.stored(true, plusUUIDs: others))
        case .notStored(let reason):
            exchange.note(reason: reason)
            try await exchange.drainBody()
            try await reply(.stored(false))
        case .refused(let refusal):
            throw ServiceError(refusal)
        }
    }
}

/// A request body as an upload.
private final class ExchangeBody: UploadBody {
    private let exchange: Exchange
    private let beginning: Mutex<ByteBuffer?>

    /// - Parameter beginning: what was read of it already.
    init(_ exchange: Exchange, after beginning: ByteBuffer?) {
        self.exchange = exchange
        self.beginning = Mutex(beginning)
    }

    func next() async throws -> UploadChunk {
        if let beginning = beginning.withLock({ $0.take() }) { return .bytes(beginning) }
        do {
            guard let bytes = try await exchange.nextBytes() else { return .end }
            return .bytes(bytes)
        } catch is BodyBroken {
            return .broken
        }
    }
}
