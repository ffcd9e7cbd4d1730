/// Names for temporary files. Whoever writes one has it alone, whichever task, process or machine writes beside it at
/// the same time: what a crash leaves under such a name is in nobody's way.
public enum FreshName {
    /// - Parameter purpose: what it begins with, for people who find it after a crash; cut off so that any file system
    ///   takes the name.
    public static func make(_ purpose: String) -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return "\(purpose.prefix(50))-\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)"
    }
}
