import AnnexProtocol
import CDigest
import Foundation

@testable import ObjectStore

/// SHA-256 by libcrypto, which the digest module links: its EVP functions are found at run time, since no header of
/// this package declares them.
private enum Crypto {
    typealias New = @convention(c) () -> OpaquePointer?
    typealias Free = @convention(c) (OpaquePointer?) -> Void
    typealias Start = @convention(c) (OpaquePointer?, OpaquePointer?, OpaquePointer?) -> Int32
    typealias Update = @convention(c) (OpaquePointer?, UnsafeRawPointer?, Int) -> Int32
    typealias Final =
        @convention(c) (OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt32>?) -> Int32

    // A use of the module keeps the linker from leaving libcrypto out.
    private static let isLinked: Bool = {
        var digest = [UInt8](repeating: 0, count: 16)
        annexd_md5(nil, 0, &digest)
        return digest[0] == 0xd4
    }()

    private static func symbol<Function>(_ name: String, as type: Function.Type) -> Function? {
        guard isLinked, let address = dlsym(dlopen(nil, RTLD_NOW), name) else { return nil }
        return unsafeBitCast(address, to: type)
    }

    static let new = symbol("EVP_MD_CTX_new", as: New.self)
    static let free = symbol("EVP_MD_CTX_free", as: Free.self)
    static let algorithm = symbol("EVP_sha256", as: New.self)
    static let start = symbol("EVP_DigestInit_ex", as: Start.self)
    static let update = symbol("EVP_DigestUpdate", as: Update.self)
    static let final = symbol("EVP_DigestFinal_ex", as: Final.self)
}

/// A running SHA-256.
final class SHA256Stream {
    private let context: OpaquePointer?

    init() {
        context = Crypto.new?()
        _ = Crypto.start?(context, Crypto.algorithm?(), nil)
    }

    deinit { Crypto.free?(context) }

    func update(_ bytes: UnsafeRawBufferPointer) { _ = Crypto.update?(context, bytes.baseAddress, bytes.count) }

    func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        _ = Crypto.final?(context, &digest, nil)
        return digest.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}

func sha256(_ content: [UInt8]) -> String {
    let stream = SHA256Stream()
    content.withUnsafeBytes { stream.update($0) }
    return stream.finish()
}

/// Checks SHA256 and SHA256E keys, or, when not verifiable, accepts everything.
struct HashChecker: ContentChecking {
    let isVerifiable: Bool
    private let expected: String
    private let stream = SHA256Stream()

    init(_ key: Key, isVerifiable: Bool = true) {
        self.isVerifiable = isVerifiable
        expected = String(decoding: key.name.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) { if isVerifiable { stream.update(bytes) } }

    mutating func isGenuine(totalLength: UInt64) -> Bool { isVerifiable ? stream.finish() == expected : true }
}
