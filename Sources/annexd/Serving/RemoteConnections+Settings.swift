import Blocking
import Logging
import Remotes
import Settings
import SystemPackage

extension RemoteConnections {
    /// The connections that the settings describe, with logins from the host's file and then from `git credential`.
    convenience init(_ settings: Settings, pool: BlockingPool, logger: Logger) throws {
        var sources: [any CredentialSource] = []
        if let file = settings.proxy.credentialsFile {
            sources.append(CredentialFile(FilePath(file), pool: pool))
        }
        sources.append(GitCredentials(logger: logger))
        do {
            try self.init(
                settings: RemoteSettings(settings), credentials: CredentialChain(sources), pool: pool, logger: logger)
        } catch {
            throw Failure("\(error)")
        }
    }
}

extension RemoteSettings {
    fileprivate init(_ settings: Settings) {
        self.init()
        connectTimeout = settings.proxy.connectTimeout
        answerTimeout = settings.proxy.answerTimeout
        stallTimeout = settings.limits.transferTimeout
        // A remote that hangs leaves connections for the others.
        maxConnectionsPerTarget = min(settings.proxy.maxConnections, max(1, settings.limits.maxRemoteConnections / 2))
        maxConnections = settings.limits.maxRemoteConnections
        queuePatience = settings.proxy.queue
        idleTimeout = settings.proxy.idleTimeout
        caFiles = settings.proxy.caFiles
    }
}
