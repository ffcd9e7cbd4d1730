/// A value that must never reach a log, an error message or a debugger's summary: it prints as `<redacted>`.
///
/// Passwords, tokens, authorization headers and lock ids travel in it. `reveal()` is the only way to the value, so a
/// search for that word lists every place that handles a secret.
public struct Secret<Value> {
    private let value: Value

    public init(_ value: Value) { self.value = value }

    /// The value itself.
    public func reveal() -> Value { value }
}

extension Secret: Sendable where Value: Sendable {}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }

    /// Nothing, since `dump` and string interpolation of an enclosing value read the mirror.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
