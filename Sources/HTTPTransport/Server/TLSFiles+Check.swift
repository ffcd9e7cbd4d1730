import FileIO
import SystemPackage

extension TLSFiles {
    /// Loads both files as a server does, and forgets them. Blocking; the error says in words what is wrong with them.
    public func check() throws(TransportError) { _ = try TLSIdentity(self) }

    /// The TLS library does not tell why it could not read a file.
    func requireReadable() throws(TransportError) {
        for (what, path) in [("certificate", certificateChain), ("private key", privateKey)] {
            do {
                _ = try OpenFile(FilePath(path), .readOnly)
            } catch {
                throw TransportError(.badCertificate, "the \(what) \"\(path)\" cannot be read: \(error.code)")
            }
        }
    }
}
