internal import CDigest

/// MD5 of a short value (16 bytes), for hash directories and names (spec 01 §2); it needs no library and cannot fail.
public func md5(_ bytes: some Collection<UInt8>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
        guard let base = buffer.baseAddress else { return }
        withContiguousBytes(bytes) { annexd_md5($0.baseAddress, $0.count, base) }
        count = 16
    }
}

/// The first four bytes of the MD5 as a little-endian number: all that hash directories need, without an allocation.
public func md5Word(_ bytes: some Collection<UInt8>) -> UInt32 {
    var digest: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &digest) { buffer in
        guard let base = buffer.assumingMemoryBound(to: UInt8.self).baseAddress else { return }
        withContiguousBytes(bytes) { annexd_md5($0.baseAddress, $0.count, base) }
    }
    return UInt32(truncatingIfNeeded: UInt64(littleEndian: digest.0))
}

/// The digest in lower-case hexadecimal, as keys spell it.
public func hexadecimal(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let digits = StaticString("0123456789abcdef")
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        text.append(digits.utf8Start[Int(byte >> 4)])
        text.append(digits.utf8Start[Int(byte & 15)])
    }
    return text
}

/// Lends the bytes as one buffer, copying only where the collection has none.
func withContiguousBytes(_ bytes: some Collection<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    if bytes.withContiguousStorageIfAvailable(body) == nil { Array(bytes).withUnsafeBufferPointer(body) }
}
