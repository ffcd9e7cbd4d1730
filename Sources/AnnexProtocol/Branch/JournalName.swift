/// The name of a journal file: a branch path in one component (spec 02 §2.2).
public enum JournalName {
    /// `_` becomes `__`, `/` becomes `_`.
    public static func encode(_ path: BranchPath) -> [UInt8] {
        path.bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case underscore: [underscore, underscore]
            case slash: [underscore]
            default: [byte]
            }
        }
    }

    /// Whether the journal can hold a file: its name is no longer than file names may be, and stands for this path.
    ///
    /// Three underscores are read as one and a slash, so a component that begins with one would come out elsewhere. An
    /// uploader chooses such a name with the key `_X--name`.
    public static func fits(_ path: BranchPath) -> Bool {
        let name = encode(path)
        return name.count <= Key.maximumFileNameLength && decode(name) == path
    }

    /// Nil when the name does not stand for a path that a branch may hold.
    public static func decode(_ name: [UInt8]) -> BranchPath? {
        var result: [UInt8] = []
        var index = 0
        while index < name.count {
            if name[index] != underscore {
                result.append(name[index])
            } else if index + 1 < name.count, name[index + 1] == underscore {
                result.append(underscore)
                index += 1
            } else {
                result.append(slash)
            }
            index += 1
        }
        return BranchPath(result)
    }

    private static let underscore = UInt8(ascii: "_")
    private static let slash = UInt8(ascii: "/")
}
