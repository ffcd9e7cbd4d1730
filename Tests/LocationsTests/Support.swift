import AnnexDigest
import AnnexProtocol
import Locations
import NIOCore

func sha256Key(_ bytes: [UInt8]) throws -> Key {
    let digest = StreamingDigest.digest(.sha256, of: bytes)
    let digits = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return try Key(parsing: "SHA256-s\(bytes.count)--\(digits)")
}

/// All that a body still has, and how it ends.
func readAll(_ body: any UploadBody) async throws -> (bytes: [UInt8], end: UploadChunk) {
    var bytes: [UInt8] = []
    while true {
        let chunk = try await body.next()
        guard case .bytes(let piece) = chunk else { return (bytes, chunk) }
        bytes += piece.readableBytesView
    }
}

extension UploadChunk {
    var isBroken: Bool { if case .broken = self { true } else { false } }
    var proof: Proof? { if case .end(let proof) = self { proof } else { nil } }
}
