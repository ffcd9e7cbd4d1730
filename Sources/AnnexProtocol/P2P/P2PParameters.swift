/// The query parameters of the protocol, each with its own rule and error text (spec 01 §6.2, §6.3).
struct P2PParameters {
    private let query: QueryParameters

    init(_ query: QueryParameters) { self.query = query }

    /// The required key.
    func key() throws(P2PRequestError) -> Key {
        guard let value = try bytes("key") else { throw .missing("key") }
        do { return try Key(parsing: value) } catch { throw .bad("key", "key parse error") }
    }

    /// The required name of a lock.
    func lockID() throws(P2PRequestError) -> LockID {
        guard let value = try bytes("lockid") else { throw .missing("lockid") }
        guard let id = LockID(value) else { throw .bad("lockid", "empty lockid") }
        return id
    }

    /// The file name; nil where it is absent or empty.
    func associatedFile() throws(P2PRequestError) -> [UInt8]? {
        guard let value = try bytes("associatedfile"), !value.isEmpty else { return nil }
        return value
    }

    /// The client. Where it is required it must not be empty, but may be any text; text that cannot be a UUID gives
    /// nil.
    func client(isRequired: Bool) throws(P2PRequestError) -> RepositoryUUID? {
        // Elsewhere it only informs, so nothing about it is an error.
        guard isRequired else { return (try? bytes("clientuuid")).flatMap { RepositoryUUID($0) } }
        guard let value = try bytes("clientuuid") else { throw .missing("clientuuid") }
        if value.isEmpty { throw .bad("clientuuid", "empty UUID") }
        return RepositoryUUID(value)
    }

    /// The repositories to leave out; empty values are ignored.
    func bypass() throws(P2PRequestError) -> [RepositoryUUID] {
        var result: [RepositoryUUID] = []
        for value in query.all("bypass") {
            if let uuid = RepositoryUUID(try Self.unbracketed(value, "bypass")) { result.append(uuid) }
        }
        return result
    }

    /// A decimal number without sign or space; nil where it is absent.
    ///
    /// Numbers above 2^63-1 count as 2^63-1, which is beyond the end of every file and every clock.
    func number(_ name: String) throws(P2PRequestError) -> UInt64? {
        guard let value = query[name] else { return nil }
        guard let number = DecimalNumber.parse(value) else { throw .bad(name, "not a decimal number") }
        return UInt64(number)
    }

    /// `true` or `false` in any case; false where it is absent.
    func boolean(_ name: String) throws(P2PRequestError) -> Bool {
        guard let value = query[name] else { return false }
        switch String(decoding: value, as: UTF8.self).lowercased() {
        case "true": return true
        case "false": return false
        default: throw .bad(name, "neither true nor false")
        }
    }

    private func bytes(_ name: String) throws(P2PRequestError) -> [UInt8]? {
        guard let value = query[name] else { return nil }
        return try Self.unbracketed(value, name)
    }

    private static func unbracketed(_ value: [UInt8], _ name: String) throws(P2PRequestError) -> [UInt8] {
        do { return try BracketedText.decode(value) } catch { throw .bad(name, "base64url decode error") }
    }
}

/// Numbers as the protocol writes them.
enum DecimalNumber {
    /// The number of at least one digit and nothing else; what exceeds 2^63-1 becomes 2^63-1. Nil for other text.
    static func parse(_ text: some Collection<UInt8>) -> Int64? {
        if text.isEmpty { return nil }
        var value: Int64 = 0
        for byte in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            value = overflow || carry ? .max : sum
        }
        return value
    }
}
