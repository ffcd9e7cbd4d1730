import AnnexProtocol
import ArgumentParser
import GitHost
import Hosting
import Settings

extension RepoCommand {
    /// `annexd repo set REPO NAME=VALUE…`: small settings of a repository.
    struct Configure: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Change settings of a repository.",
            discussion: """
                default-branch=NAME   the branch that a clone begins with (HEAD)
                """)
        @OptionGroup var options: RootOptions
        @Argument(help: "A name such as team/data.", transform: NameArgument.parsed)
        var name: NameArgument
        @Argument(help: "Settings such as default-branch=main.")
        var settings: [RepositorySettingArgument]

        func run() async throws {
            try await options.withManager(for: .changing) { manager, _ in
                try await options.output.each(settings) { setting in
                    switch setting {
                    case .defaultBranch(let branch):
                        try await manager.setDefaultBranch(of: name.name, to: branch)
                        let value: JSONValue = ["path": .string("\(name.name)"), "defaultBranch": .string(branch)]
                        return (value, ["the default branch of \(name.name) is \(branch)"])
                    }
                }
            }
        }
    }
}

/// A setting of a repository as the command line spells it.
enum RepositorySettingArgument: ExpressibleByArgument {
    case defaultBranch(String)

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts[0] == "default-branch", !parts[1].isEmpty else { return nil }
        self = .defaultBranch(parts[1])
    }

    static var allValueStrings: [String] { ["default-branch=NAME"] }
}

/// One of the settings below `annex.tune.`
struct TuneArgument: ExpressibleByArgument {
    let difference: Difference

    init?(argument: String) {
        guard let difference = Difference(setting: argument) else { return nil }
        self.difference = difference
    }

    static var allValueStrings: [String] { Difference.allCases.compactMap(\.setting) }
}

/// How git names objects, as the command line spells it.
struct ObjectFormatArgument: ExpressibleByArgument {
    let format: ObjectFormat

    init?(argument: String) {
        guard let format = ObjectFormat(rawValue: argument) else { return nil }
        self.format = format
    }

    static var allValueStrings: [String] { ObjectFormat.allCases.map(\.rawValue) }
}

extension ObjectFormat {
    init(_ setting: RepositoryFormat) {
        switch setting {
        case .sha1: self = .sha1
        case .sha256: self = .sha256
        }
    }
}
