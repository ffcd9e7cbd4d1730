import FileIO
import SystemPackage

/// What is being made lies in the workshop until it is renamed into its place. A process that is killed leaves its work
/// there; the next server clears it away, but not under the hands of another process that is at work. Blocking.
extension RootFolder {
    private var workshopLock: FilePath { state.appending("tmp.lck") }

    /// Keeps the workshop from being cleared until the answer goes away.
    func occupyWorkshop() throws(FileError) -> OpenFile {
        let file = try OpenFile(workshopLock, [.readWrite, .create])
        try file.lock(.shared)
        return file
    }

    /// Removes what killed processes left; does nothing while somebody is at work.
    func clearWorkshop() throws(FileError) {
        try emptyWorkshop()
        for name in try Files.list(state) where name.starts(with: Self.litterPrefix.utf8) {
            try Files.removeTree(state.appending(bytes: name))
        }
    }

    /// Moves everything out of the way, since a large copy takes long to remove and others wait for the lock.
    private func emptyWorkshop() throws(FileError) {
        let lock = try OpenFile(workshopLock, [.readWrite, .create])
        guard try lock.tryLock(.exclusive) else { return }
        defer { withExtendedLifetime(lock) {} }
        let names = try Files.list(workshop)
        if names.isEmpty { return }
        let litter = freshLitter()
        try Files.createDirectory(litter)
        for name in names { try Files.rename(workshop.appending(bytes: name), to: litter.appending(bytes: name)) }
    }

    /// A name for what is to be removed; whatever has such a name is cleared away.
    func freshLitter() -> FilePath { state.appending("\(Self.litterPrefix)\(UInt64.random(in: .min ... .max))") }

    private static var litterPrefix: String { "litter-" }
}
