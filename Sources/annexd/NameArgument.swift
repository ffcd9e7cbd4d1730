import AnnexProtocol
import ArgumentParser
import Hosting

/// A repository name on the command line.
struct NameArgument: Sendable {
    let name: RepositoryName

    /// For the `transform` of an argument, since only that can say why a text is refused.
    @Sendable static func parsed(_ text: String) throws -> NameArgument {
        if text.contains("://") {
            throw ValidationError("this is a URL; a name is its path below the server, such as team/data")
        }
        if text.hasPrefix("/") {
            throw ValidationError("this is a path of the machine; a name is below the root folder, such as team/data")
        }
        guard let name = RepositoryName(text) else {
            throw ValidationError(RepositoryName.objection(to: text) ?? "it cannot be the name of a repository")
        }
        return NameArgument(name: name)
    }
}

/// A key on the command line.
struct KeyArgument: Sendable {
    let key: Key

    @Sendable static func parsed(_ text: String) throws -> KeyArgument {
        guard let key = try? Key(parsing: text) else {
            throw ValidationError("it is no key of git-annex, such as SHA256E-s1024--….txt")
        }
        return KeyArgument(key: key)
    }
}

/// A time span on the command line: `90d`, `12h`, `5m`, `2s`.
struct SpanArgument: ExpressibleByArgument {
    let seconds: Int64

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let unit = argument.last.flatMap({ units[$0] }), let count = Int64(argument.dropLast()), count >= 0
        else { return nil }
        let (seconds, isTooLong) = count.multipliedReportingOverflow(by: unit)
        if isTooLong { return nil }
        self.seconds = seconds
    }
}
