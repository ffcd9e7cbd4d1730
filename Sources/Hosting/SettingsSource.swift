import AnnexProtocol
import FileIO
import GitHost
import Synchronization
import SystemPackage

/// The settings of one repository, read again whenever its config file changes. Blocking.
final class SettingsSource: Sendable {
    private let name: RepositoryName
    private let gitDirectory: FilePath
    private let configFile: GitConfigFile
    /// Which folder this was opened from: a deleted and re-created repository is another one.
    private let identity: FileStatus
    private let latest: Mutex<Reading>

    private struct Reading {
        var version: FileStatus.Version?
        var settings: RepositorySettings
    }

    init(name: RepositoryName, gitDirectory: FilePath) throws {
        guard let identity = try Files.status(gitDirectory) else { throw HostingError.gone(name) }
        self.name = name
        self.gitDirectory = gitDirectory
        self.identity = identity
        configFile = GitConfigFile(gitDirectory.appending("config"))
        latest = Mutex(
            Reading(version: nil, settings: RepositorySettings(try configFile.current(), gitDirectory: gitDirectory)))
    }

    /// The settings now. Throws ``HostingError/gone(_:)`` when the folder is another one, or says it is another annex,
    /// and ``HostingError/reconfigured(_:)`` when what an open repository relies on has changed.
    func current() throws -> RepositorySettings {
        guard let folder = try Files.status(gitDirectory), folder.isSameFile(as: identity),
            let version = try configFile.version
        else { throw HostingError.gone(name) }
        let known = latest.withLock { $0 }
        if known.version == version { return known.settings }
        let settings = RepositorySettings(try configFile.current(), gitDirectory: gitDirectory)
        guard settings.uuid == known.settings.uuid else { throw HostingError.gone(name) }
        guard settings.basis == known.settings.basis else { throw HostingError.reconfigured(name) }
        // A file that was changed within the last tick of its clock may change again unnoticed: look again next time.
        let isSettled = WallClock.seconds - version.modified.seconds > 2
        latest.withLock { $0 = Reading(version: isSettled ? version : nil, settings: settings) }
        return settings
    }
}
