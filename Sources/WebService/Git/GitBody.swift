import GitHost
import NIOCore

/// The body of a git request, inflated where the client compressed it. One task reads it, and after it the next.
final class GitBody: @unchecked Sendable {
    private let exchange: Exchange
    private var gunzip: Gunzip?
    private let isCompressed: Bool
    private var pace: GitPace?
    private var waited = Duration.zero
    private var received = 0

    /// The most that one compressed request may inflate to. Only negotiations are compressed, packs never.
    private static let inflatedLimit = 256 << 20

    /// How much is read before a request gets a place and a process: whole packets, and most bodies to their end.
    /// Connections without a place are many.
    static let readAhead = 64 << 10

    /// - Parameter pace: what the client has to keep to, until ``mayTakeItsTime()``.
    init(_ exchange: Exchange, pace: GitPace) {
        self.exchange = exchange
        self.pace = pace
        let encoding = exchange.header("Content-Encoding")?.lowercased()
        isCompressed = encoding == "gzip" || encoding == "x-gzip"
    }

    /// From here on only each single wait is bounded: what follows may be large.
    func mayTakeItsTime() { pace = nil }

    /// The next bytes; nil at the end. Throws a 400 or 413 for what does not inflate, a 408 for what comes too slowly.
    func next() async throws -> [UInt8]? {
        guard isCompressed else {
            return try await nextPiece().map { Array($0.readableBytesView) }
        }
        do {
            if gunzip == nil { gunzip = try Gunzip(limit: Self.inflatedLimit) }
            while true {
                if let piece = try gunzip?.next() { return piece }
                guard let more = try await nextPiece() else {
                    try gunzip?.finish()
                    return nil
                }
                gunzip?.feed(Array(more.readableBytesView))
            }
        } catch let failure as Gunzip.Failure {
            throw ServiceError(status: failure == .tooLarge ? 413 : 400, reason: "the compressed body is \(failure)")
        }
    }

    /// Reads on until so many bytes are there, or the body has ended; answers whether it has.
    func read(into bytes: inout [UInt8], until count: Int) async throws -> Bool {
        while bytes.count < count {
            guard let piece = try await next() else { return true }
            bytes += piece
        }
        return false
    }

    /// As it came.
    private func nextPiece() async throws -> ByteBuffer? {
        guard let pace else { return try await exchange.nextBytes() }
        let began = ContinuousClock.now
        let piece = try await Self.next(exchange, within: pace.allowance(received) - waited)
        waited += began.duration(to: .now)
        received += piece?.readableBytes ?? 0
        return piece
    }

    private static func next(_ exchange: Exchange, within patience: Duration) async throws -> ByteBuffer? {
        try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await exchange.nextBytes() }
            group.addTask {
                try await Task.sleep(for: patience)
                throw ServiceError(status: 408, reason: "the request came too slowly")
            }
            // The first to end: there are two.
            return try await group.next().flatMap(\.self)
        }
    }
}
