public import AnnexProtocol
import Synchronization

/// Where logins for other hosts come from.
public protocol CredentialSource: Sendable {
    /// The login for a place, or nil where none is known. Throws ``CredentialError`` where somebody should look.
    func credentials(for place: CredentialPlace) async throws -> BasicCredentials?

    /// The place took the login that this source gave.
    func accepted(_ credentials: BasicCredentials, for place: CredentialPlace) async

    /// The place refused the login that this source gave.
    func rejected(_ credentials: BasicCredentials, for place: CredentialPlace) async
}

/// A source that cannot be used. The message is for the operator, and holds no secret.
public struct CredentialError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}

/// Several sources, asked one after the other.
public final class CredentialChain: CredentialSource {
    private let sources: [any CredentialSource]
    /// Which source answered last for a place; there are as many places as remotes.
    private let answered = Mutex<[CredentialPlace: Int]>([:])

    public init(_ sources: [any CredentialSource]) { self.sources = sources }

    public func credentials(for place: CredentialPlace) async throws -> BasicCredentials? {
        for (index, source) in sources.enumerated() {
            guard let found = try await source.credentials(for: place) else { continue }
            answered.withLock { $0[place] = index }
            return found
        }
        return nil
    }

    public func accepted(_ credentials: BasicCredentials, for place: CredentialPlace) async {
        if let source = source(for: place) { await source.accepted(credentials, for: place) }
    }

    public func rejected(_ credentials: BasicCredentials, for place: CredentialPlace) async {
        if let source = source(for: place) { await source.rejected(credentials, for: place) }
    }

    private func source(for place: CredentialPlace) -> (any CredentialSource)? {
        answered.withLock { $0[place] }.map { sources[$0] }
    }
}
