public import AnnexProtocol
import GitHost
public import Logging
import Synchronization

/// The logins that git's credential helpers know, for the user who runs annexd (git-credential(1)).
///
/// A place of an annex URL is asked for as the stock client does, with the scheme `annex+http`, and then as `http`.
public final class GitCredentials: CredentialSource {
    private let git: GitCredential
    private let logger: Logger
    /// The scheme under which a helper knew the login; there are as many places as remotes.
    private let schemes = Mutex<[CredentialPlace: String]>([:])

    public init(patience: Duration = .seconds(20), logger: Logger) {
        git = GitCredential(patience: patience)
        self.logger = logger
    }

    public func credentials(for place: CredentialPlace) async throws -> BasicCredentials? {
        for scheme in place.isHTTP ? [place.scheme] : [place.scheme, place.isSecure ? "https" : "http"] {
            let answer: GitCredential.Description?
            do {
                answer = try await git.fill(Self.description(place, scheme))
            } catch let error as GitError {
                try Task.checkCancellation()
                logger.warning("git's credential helper failed", metadata: ["error": "\(error)"])
                continue
            }
            guard let answer, let user = answer.user, let password = answer.password else { continue }
            schemes.withLock { $0[place] = scheme }
            return BasicCredentials(user: user, password: password)
        }
        return nil
    }

    public func accepted(_ credentials: BasicCredentials, for place: CredentialPlace) async {
        await tell(credentials, place) { try await git.approve($0) }
    }

    public func rejected(_ credentials: BasicCredentials, for place: CredentialPlace) async {
        await tell(credentials, place) { try await git.reject($0) }
    }

    private func tell(
        _ credentials: BasicCredentials, _ place: CredentialPlace,
        _ action: (GitCredential.Description) async throws -> Void
    ) async {
        var description = Self.description(place, schemes.withLock { $0[place] } ?? place.scheme)
        description.user = credentials.user
        description.password = credentials.password
        do { try await action(description) } catch {
            logger.warning("git's credential helper failed", metadata: ["error": "\(error)"])
        }
    }

    private static func description(_ place: CredentialPlace, _ scheme: String) -> GitCredential.Description {
        GitCredential.Description(
            scheme: scheme, host: scheme == place.scheme ? place.authority : "\(place.host):\(place.port)",
            path: place.path, user: place.user)
    }
}
