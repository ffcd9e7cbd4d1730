import GitHost
import NIOCore

/// The body of a git request, inflated where the client compressed it. One task reads it, and after it the next.
final class GitBody: @unchecked Sendable {
    private let exchange: Exchange
    private var gunzip: Gunzip?
    private let isCompressed: Bool

    /// The most that one compressed request may inflate to. Only negotiations are compressed, packs never.
    private static let inflatedLimit = 256 << 20

    init(_ exchange: Exchange) {
        self.exchange = exchange
        let encoding = exchange.header("Content-Encoding")?.lowercased()
        isCompressed = encoding == "gzip" || encoding == "x-gzip"
    }

    /// The next bytes; nil at the end. Throws a 400 or 413 for what does not inflate.
    func next() async throws -> [UInt8]? {
        guard isCompressed else {
            return try await exchange.nextBytes().map { Array($0.readableBytesView) }
        }
        do {
            if gunzip == nil { gunzip = try Gunzip(limit: Self.inflatedLimit) }
            while true {
                if let piece = try gunzip?.next() { return piece }
                guard let more = try await exchange.nextBytes() else {
                    try gunzip?.finish()
                    return nil
                }
                gunzip?.feed(Array(more.readableBytesView))
            }
        } catch let failure as Gunzip.Failure {
            throw ServiceError(status: failure == .tooLarge ? 413 : 400, reason: "the compressed body is \(failure)")
        }
    }
}
