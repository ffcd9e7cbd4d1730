public import SystemPackage

/// The filters (gitattributes(5), "filter") that a repository's configuration names: commands that git would run when a
/// push changes the files of a work tree.
///
/// Attack: whoever prepared the folder of an imported repository, or may push a `.gitattributes` to one whose owner
/// uses filters, would choose what runs here. So none does: files are checked out as they are in git, unlocked annexed
/// ones as pointers, which the stock program fills later.
public enum ContentFilters {
    /// Environment variables that take the commands away, for ``SmartHTTP/Options/environment``.
    ///
    /// Git is asked, since a configuration may include files that annexd does not read.
    public static func disabling(in gitDirectory: FilePath) async throws -> [(String, [UInt8])] {
        let command = GitCommand(["config", "--list", "-z", "--name-only"], in: gitDirectory)
        let result = try await command.run()
        guard result.status == 0 else { throw command.failure(result) }
        var settings = [(Array("submodule.recurse".utf8), "false")]
        for driver in drivers(result.output) {
            for (name, value) in [("clean", ""), ("smudge", ""), ("process", ""), ("required", "false")] {
                settings.append((prefix + driver + Array(".\(name)".utf8), value))
            }
        }
        // As variables rather than `-c`: a driver's name may hold `=`.
        var variables = [("GIT_CONFIG_COUNT", Array("\(settings.count)".utf8))]
        for (number, (name, value)) in settings.enumerated() {
            variables += [("GIT_CONFIG_KEY_\(number)", name), ("GIT_CONFIG_VALUE_\(number)", Array(value.utf8))]
        }
        return variables
    }

    /// The names of the drivers, each once.
    private static func drivers(_ names: [UInt8]) -> Set<[UInt8]> {
        var drivers: Set<[UInt8]> = []
        for name in names.split(separator: 0) where name.starts(with: prefix) {
            let start = name.startIndex + prefix.count
            guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot >= start else { continue }
            drivers.insert(Array(name[start..<dot]))
        }
        return drivers
    }

    private static let prefix = Array("filter.".utf8)
}
