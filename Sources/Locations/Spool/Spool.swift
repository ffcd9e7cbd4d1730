public import AnnexProtocol
public import FileIO
import Synchronization

/// Content in a file of the host's own, whole and judged, from which any number of places may be served.
///
/// The file goes away with the value.
public final class Spool: Sendable {
    public let key: Key
    public let file: OpenFile
    /// In bytes.
    public let size: UInt64
    /// ``Proof/right`` or ``Proof/unchecked``: what is wrong is not kept.
    public let proof: Proof

    init(key: Key, file: OpenFile, size: UInt64, proof: Proof) {
        self.key = key
        self.file = file
        self.size = size
        self.proof = proof
    }

    deinit {
        _ = try? file.unlink()
        try? file.unlock()
    }
}

/// What became of content that was to be spooled.
public enum SpoolOutcome: Sendable {
    case spooled(Spool)
    /// Not whole or not right, and why; what may be of use to the next try is kept.
    case notSpooled(reason: String)
}
