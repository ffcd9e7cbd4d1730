internal import CDigest

/// MD5 of a short value (16 bytes), for hash directories (spec 01 §2).
public func md5(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 16)
    let input = Array(bytes)
    input.withUnsafeBytes { annexd_md5($0.baseAddress, $0.count, &digest) }
    return digest
}
