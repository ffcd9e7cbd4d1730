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
