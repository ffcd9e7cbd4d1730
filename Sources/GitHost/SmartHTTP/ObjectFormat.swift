/// How a repository names its objects; the raw values are git's.
public enum ObjectFormat: String, Sendable, Hashable, CaseIterable {
    case sha1, sha256
}

extension ReceivePackRequest {
    /// The format that the client's repository has. Clients that do not tell know only SHA-1.
    public var objectFormat: ObjectFormat {
        capabilities.lazy.compactMap { capability in
            capability.hasPrefix("object-format=")
                ? ObjectFormat(rawValue: String(capability.dropFirst("object-format=".count))) : nil
        }.first ?? .sha1
    }
}
