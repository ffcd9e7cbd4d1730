/// Why a push is not received, in words for the person who pushes.
public struct PushRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// The beginning is not one of a push, or has two readings.
        case malformed
        /// More commands or bytes than are taken.
        case tooLarge
        /// What it wants is not allowed.
        case forbidden
        /// It can be tried again in a moment.
        case busy
    }

    public var code: Code
    public var reason: String

    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    public var description: String { reason }
}
