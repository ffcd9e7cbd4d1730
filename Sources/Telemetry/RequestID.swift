import Synchronization

/// A short name of one request, which ties its log lines together: `k3v9qz-00004f`.
///
/// It is unique within the process and, by its random first part, very likely so across restarts. It is no secret.
public struct RequestID: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    fileprivate init(process: UInt64, sequence: UInt64) {
        description = Self.digits(of: process, count: 6) + "-" + Self.digits(of: sequence, count: 6)
    }

    /// Base 32 without i, l, o and u, so that an id read aloud or copied from a screen stays itself.
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")

    private static func digits(of number: UInt64, count: Int) -> String {
        var rest = number
        var digits: [Character] = []
        while rest > 0 || digits.count < count {
            digits.append(alphabet[Int(rest & 31)])
            rest >>= 5
        }
        return String(digits.reversed())
    }
}

/// Hands out request ids, in order. One per process is enough; any thread may ask.
public final class RequestIDGenerator: Sendable {
    private let process: UInt64
    private let sequence = Atomic<UInt64>(0)

    public init() { process = UInt64.random(in: 0..<(1 << 30)) }

    /// The next id, which no earlier call returned.
    public func next() -> RequestID {
        RequestID(process: process, sequence: sequence.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}
