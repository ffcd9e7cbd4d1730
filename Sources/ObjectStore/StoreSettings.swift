/// The parts of a repository's configuration that decide how its objects are kept (spec 01 §3.2).
public struct StoreSettings: Sendable, Hashable {
    public var isBare: Bool
    /// `annex.version`: 8, 9 or 10. Others are served read-only.
    public var version: Int
    public var sharing: SharedRepository
    /// `annex.diskreserve` in bytes: free space that receiving leaves alone.
    public var diskReserve: Int64
    /// `annex.securehashesonly`: refuse content whose key has no cryptographically secure hash.
    public var secureHashesOnly: Bool
    /// `annex.pidlock`: the stock program uses locks that this store does not take, so that it only reads.
    public var pidLock: Bool
    /// `annex.thin`: objects may be hard links to files that people edit.
    public var thin: Bool
    /// `annex.crippledfilesystem` together with `core.symlinks=false`: new objects go to the lower-case directories.
    public var crippledWithoutSymlinks: Bool
    /// `annex.tune.objecthash1`: one level of hash directories.
    public var objectHash1: Bool
    /// `annex.tune.objecthashlower`: lower-case hash directories, also in a non-bare repository.
    public var objectHashLower: Bool

    /// The default of `annex.diskreserve`: 100 MB.
    public static let defaultDiskReserve: Int64 = 100_000_000

    public init(
        isBare: Bool = true, version: Int = 10, sharing: SharedRepository = .umask,
        diskReserve: Int64 = Self.defaultDiskReserve, secureHashesOnly: Bool = false, pidLock: Bool = false,
        thin: Bool = false, crippledWithoutSymlinks: Bool = false, objectHash1: Bool = false,
        objectHashLower: Bool = false
    ) {
        self.isBare = isBare
        self.version = version
        self.sharing = sharing
        self.diskReserve = diskReserve
        self.secureHashesOnly = secureHashesOnly
        self.pidLock = pidLock
        self.thin = thin
        self.crippledWithoutSymlinks = crippledWithoutSymlinks
        self.objectHash1 = objectHash1
        self.objectHashLower = objectHashLower
    }

    /// Whether content may be received, locked and removed (spec 01 §3.7).
    public var allowsChanges: Bool { !pidLock && (8...10).contains(version) }

    /// Whether content locks are separate `.lck` files, rather than locks on the objects themselves (spec 01 §3.4).
    var usesLockFiles: Bool { version >= 10 }
}

/// `core.sharedRepository`: who may use the files of a repository.
public enum SharedRepository: Sendable, Hashable {
    case umask
    case group
    case all
    /// Exactly these permission bits for files, for example 0o640.
    case octal(UInt32)

    /// Parses the value of `core.sharedRepository` as git does; nil text is a key without a value.
    ///
    /// What git would not accept means ``umask``, the most cautious reading.
    public init(parsing text: String?) {
        switch text?.lowercased() {
        case nil, "true", "yes", "on", "group", "1": self = .group
        case "all", "world", "everybody", "2": self = .all
        case .some(let value):
            // git refuses modes that lock out the owner, and ignores the executable bits.
            if let mode = UInt32(value, radix: 8), mode <= 0o777, mode & 0o600 == 0o600, !value.hasPrefix("+") {
                self = .octal(mode & 0o666)
            } else {
                self = .umask
            }
        }
    }
}
