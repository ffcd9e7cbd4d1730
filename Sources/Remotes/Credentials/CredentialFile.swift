public import AnnexProtocol
public import Blocking
import FileIO
public import SystemPackage
import Telemetry

/// A file of the host with one login in each line, as `git credential-store` has it:
/// `https://user:password@host[:port][/path]`.
///
/// A line counts where scheme, host and port are those of the place, and its path, if it has one, is the place's or a
/// folder of it; of several the one with the longest path. `annex+http` and `http` are the same here. The file is read
/// anew each time; only its owner may be able to read it.
public struct CredentialFile: CredentialSource {
    private let path: FilePath
    private let pool: BlockingPool

    /// The largest file that is read, in bytes.
    private static let maximumSize = 1 << 20

    public init(_ path: FilePath, pool: BlockingPool) {
        self.path = path
        self.pool = pool
    }

    public func credentials(for place: CredentialPlace) async throws -> BasicCredentials? {
        let path = path
        let text = try await pool.run { try Self.read(path) }
        return Self.find(place, in: text)
    }

    /// Throws in words for people where the file cannot be used. Blocking.
    public func check() throws { _ = try Self.read(path) }

    public func accepted(_ credentials: BasicCredentials, for place: CredentialPlace) async {}
    public func rejected(_ credentials: BasicCredentials, for place: CredentialPlace) async {}

    private static func read(_ path: FilePath) throws -> [UInt8] {
        do {
            let file = try OpenFile(path, .readOnly)
            let status = try file.status()
            guard status.mode & 0o077 == 0 else {
                throw CredentialError("other users can read \"\(path)\"; make it private with chmod 600")
            }
            guard status.kind == .regular, status.size <= maximumSize else {
                throw CredentialError("\"\(path)\" is no file of logins")
            }
            return try file.readAll(limit: maximumSize)
        } catch let error as FileError {
            throw CredentialError("the file of logins cannot be read: \(error)")
        }
    }

    /// The login of the line that fits best.
    static func find(_ place: CredentialPlace, in text: [UInt8]) -> BasicCredentials? {
        var best: (length: Int, credentials: Secret<BasicCredentials>)?
        for line in text.split(separator: UInt8(ascii: "\n")) {
            guard let text = String(validating: line, as: UTF8.self), let entry = CredentialPlace(url: text),
                let credentials = entry.credentials, entry.covers(place), entry.path.count > best?.length ?? -1
            else { continue }
            best = (entry.path.count, credentials)
        }
        return best?.credentials.reveal()
    }
}

extension CredentialPlace {
    /// Whether a login for this place is also one for `other`.
    fileprivate func covers(_ other: CredentialPlace) -> Bool {
        isSecure == other.isSecure && hasSameHost(as: other) && port == other.port
            && (other.user == nil || user == other.user)
            && (path.isEmpty || other.path == path || other.path.hasPrefix(path + "/"))
    }
}
