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
        let body = ExchangeBody(exchange, after: beginning)
        let upload = Upload(
            client: client, associatedFile: put.associatedFile, offset: put.offset, length: length, body: body)
        let outcome = try await location.store(put.key, from: upload)
        if let failure = body.failure { throw failure }
        try await answer(outcome)
    }

    /// `putoffset`: how much of an interrupted upload of this client is here.
    func putOffset(_ key: Key) async throws {
        switch try await location.partial(of: key, for: client) {
        case .alreadyPresent(let places):
            try await reply(.alreadyHave(plusUUIDs: others(places)))
        case .bytes(let count):
            let isCareful = key.expectedDigest == nil
            try await reply(.offset(count), headers: isCareful ? [(P2PReply.ownPartialHeader, "yes")] : [])
        }
    }

    private func answer(_ outcome: StoreOutcome) async throws {
        switch outcome {
        case .stored(let places):
            // A client that still sends must be heard out: cutting it off would look like a broken connection.
            try await exchange.drainBody()
            try await reply(.stored(true, plusUUIDs: others(places)))
        case .notStored(let reason):
            exchange.note(reason: reason)
            try await exchange.drainBody()
            try await reply(.stored(false))
        }
    }
}

/// A request body as an upload.
private final class ExchangeBody: UploadBody {
    private let exchange: Exchange
    private let failed = Mutex<ServiceError?>(nil)
    private let beginning: Mutex<ByteBuffer?>

    /// - Parameter beginning: what was read of it already.
    init(_ exchange: Exchange, after beginning: ByteBuffer?) {
        self.exchange = exchange
        self.beginning = Mutex(beginning)
    }

    /// Why the body could not be read, if that was the client's mistake. The place that stored it only saw it break
    /// off.
    var failure: ServiceError? { failed.withLock { $0 } }

    func next() async throws -> UploadChunk {
        if let beginning = beginning.withLock({ $0.take() }) { return .bytes(beginning) }
        do {
            guard let bytes = try await exchange.nextBytes() else { return .end(.unchecked) }
            return .bytes(bytes)
        } catch let error as ServiceError {
            failed.withLock { $0 = error }
            return .broken
        } catch {
            return .broken
        }
    }
}
