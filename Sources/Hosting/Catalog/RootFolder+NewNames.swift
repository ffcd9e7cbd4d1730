import AnnexProtocol
import FileIO
import SystemPackage

/// The UUIDs of repositories that are yet to be made.
///
/// Clients keep the UUID that they are told for good. So a name that a push may create has one before: it follows from
/// the name and from what this root alone has, and nothing is written until the repository is made. It is given once: a
/// repository that takes the name of one which is gone is another one. Blocking.
extension RootFolder {
    private var identity: FilePath { state.appending("identity") }
    private var given: FilePath { state.appending("given") }

    private static let identitySize = 32

    /// Makes what the UUIDs follow from, where that is missing.
    func makeIdentity() throws(FileError) {
        if try Files.exists(identity) { return }
        let secret = (0..<Self.identitySize).map { _ in UInt8.random(in: .min ... .max) }
        // Another process may be first.
        _ = try Files.create(ConfinedPath(inParent: identity), with: secret, mode: 0o600)
    }

    /// What the UUID of a repository of this name would be; nil where it was given before, or none can be told.
    func uuidToBe(of name: RepositoryName) throws(FileError) -> RepositoryUUID? {
        guard let secret = try Files.read(identity, limit: 4096), secret.count == Self.identitySize else { return nil }
        let uuid = RepositoryUUID.derived(from: secret, for: name.description.utf8)
        return try Files.exists(note(of: uuid)) ? nil : uuid
    }

    /// A repository of this name is in its place: its UUID is not told to anybody else any more.
    func noteGiven(_ uuid: RepositoryUUID, to name: RepositoryName) throws(FileError) {
        guard try uuidToBe(of: name) == uuid else { return }
        try Files.createDirectories(given)
        try OpenFile(note(of: uuid), [.writeOnly, .create]).synchronize()
        try Files.synchronizeDirectory(given)
    }

    private func note(of uuid: RepositoryUUID) -> FilePath { given.appending(bytes: uuid.bytes) }
}
