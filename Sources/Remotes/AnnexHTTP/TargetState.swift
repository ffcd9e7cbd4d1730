import AnnexProtocol
import Synchronization

/// What is known of a target, shared by all requests to it.
final class TargetState: Sendable {
    let gate: TargetGate
    let login: Login
    let versions: Mutex<VersionMemory>
    /// Whether an upload was let in before, so that neither version nor login are open questions.
    let acceptsUploads = Atomic<Bool>(false)

    init(_ target: AnnexHTTPTarget, settings: RemoteSettings, login: Login) {
        gate = TargetGate(limit: settings.maxConnectionsPerTarget, patience: settings.queuePatience)
        versions = Mutex(VersionMemory(highest: settings.highestVersion))
        self.login = login
    }
}
