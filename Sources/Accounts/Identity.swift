/// Who sent a request.
public enum Identity: Hashable, Sendable {
    /// No credentials came with the request.
    case anonymous

    /// Credentials came and nobody is known by them: they are wrong or malformed, or there are no accounts at all.
    case unrecognized

    /// A person who proved to be this account.
    case user(String)
}
