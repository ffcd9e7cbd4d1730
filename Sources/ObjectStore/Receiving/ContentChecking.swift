/// Checks content against a key while it flows by.
///
/// The store feeds every byte of the content in order, also those that an earlier transfer left behind, and asks once
/// at the end. The size that a key tells is checked by the store itself as well.
public protocol ContentChecking {
    mutating func update(_ bytes: UnsafeRawBufferPointer)

    /// Whether the bytes so far are the content of the key. Called once, after the last byte.
    mutating func isGenuine(totalLength: UInt64) -> Bool

    /// Whether the content itself is checked, rather than its size alone.
    var isVerifiable: Bool { get }
}
