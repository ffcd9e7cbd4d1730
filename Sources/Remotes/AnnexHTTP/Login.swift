import AnnexProtocol
import Locations
import Logging
import Synchronization
import Telemetry

/// The credentials for one target: found when it first asks for them, then sent with every request (spec 01 §6.8).
///
/// Several requests that are refused at one time ask the sources once.
final class Login: Sendable {
    private struct Remembered {
        var credentials: Secret<BasicCredentials>
        /// Whether a source gave them, which wants to hear what became of them.
        var isFromSource: Bool
        /// Whether they were accepted, and the source has heard so.
        var isConfirmed = false
    }

    private struct State {
        var remembered: Remembered?
        /// Until when the sources are not asked again, after they had nothing that works.
        var hopelessUntil: ContinuousClock.Instant?
    }

    private let name: String
    private let place: CredentialPlace
    /// Those that stand in URLs, best first.
    private let embedded: [Secret<BasicCredentials>]
    private let source: any CredentialSource
    private let logger: Logger
    private let turns = TargetGate(limit: 1, patience: .seconds(60))
    private let state = Mutex(State())

    init(name: String, url: AnnexURL, gitURL: String?, source: any CredentialSource, logger: Logger) {
        self.name = name
        self.source = source
        self.logger = logger
        let own = CredentialPlace(url)
        let git = gitURL.flatMap { CredentialPlace(url: $0) }
        // People have one login for git and annex: where both are at one host, that of git counts.
        let shared = git.flatMap { $0.isHTTP && $0.hasSameHost(as: own) ? $0 : nil }
        place = shared ?? own
        embedded = [own, shared].compactMap { $0?.credentials }
    }

    /// For a server whose git URL alone is known.
    init(name: String, gitPlace: CredentialPlace, source: any CredentialSource, logger: Logger) {
        self.name = name
        self.source = source
        self.logger = logger
        place = gitPlace
        embedded = [gitPlace.credentials].compactMap { $0 }
    }

    /// Sends with the credentials that are known, and once more with others where the target asks for them.
    func authorizing<Result: WithStatus>(
        _ send: (BasicCredentials?) async throws -> Result
    ) async throws -> Result {
        var credentials = state.withLock { $0.remembered?.credentials.reveal() }
        var result = try await send(credentials)
        if result.answer.status == 401 {
            let renewed = try await renew(after: credentials)
            credentials = renewed
            result = try await send(renewed)
            if result.answer.status == 401 {
                await refused(renewed)
                throw LocationError(.unauthenticated, "\(name) does not accept this host's login for \(place.shown)")
            }
        }
        if let credentials, (200..<300).contains(result.answer.status) { await confirmed(credentials) }
        return result
    }

    /// Other credentials than those that were refused.
    private func renew(after refusedOnes: BasicCredentials?) async throws -> BasicCredentials {
        let turn = try await turns.enter(.question, name)
        defer { turn.release() }
        let (known, isHopeless) = state.withLock { state in
            (state.remembered?.credentials.reveal(), state.hopelessUntil.map { $0 > .now } ?? false)
        }
        if let known, known != refusedOnes { return known }
        if let refusedOnes { await refused(refusedOnes) }
        if !isHopeless {
            let found = try await find(except: refusedOnes)
            if let found {
                state.withLock { $0.remembered = found }
                return found.credentials.reveal()
            }
            state.withLock { $0.hopelessUntil = .now + .seconds(10) }
        }
        throw LocationError(
            .unauthenticated,
            refusedOnes == nil
                ? "\(name) wants a login, and this host has none for \(place.shown)"
                : "\(name) does not accept this host's login for \(place.shown)")
    }

    private func find(except refusedOnes: BasicCredentials?) async throws -> Remembered? {
        // Those in URLs cannot change, so they are not tried again once they were refused.
        if refusedOnes == nil, let first = embedded.first {
            return Remembered(credentials: first, isFromSource: false)
        }
        do {
            guard let found = try await source.credentials(for: place), found != refusedOnes else { return nil }
            return Remembered(credentials: Secret(found), isFromSource: true)
        } catch let error as CredentialError {
            throw LocationError(.unauthenticated, "\(name) wants a login: \(error.message)")
        }
    }

    private func confirmed(_ credentials: BasicCredentials) async {
        let isNews = state.withLock { state in
            guard let remembered = state.remembered, remembered.credentials.reveal() == credentials,
                !remembered.isConfirmed
            else { return false }
            state.remembered?.isConfirmed = true
            return remembered.isFromSource
        }
        if isNews { await source.accepted(credentials, for: place) }
    }

    private func refused(_ credentials: BasicCredentials) async {
        let isFromSource = state.withLock { state in
            guard let remembered = state.remembered, remembered.credentials.reveal() == credentials else {
                return false
            }
            state.remembered = nil
            return remembered.isFromSource
        }
        logger.warning("a remote refused the login", metadata: ["remote": "\(name)", "url": "\(place.shown)"])
        if isFromSource { await source.rejected(credentials, for: place) }
    }
}
