import FileIO
import SystemPackage
import Testing

@testable import GitHost

@Suite struct GitConfigTests {
    @Test(arguments: [
        ("[core]\n\tbare = true\n", "core.bare", "true"),
        ("[Core]BARE=yes", "core.bare", "yes"),
        ("[remote \"A b\\\"\\\\\"]\nurl=x", "remote.A b\"\\.url", "x"),
        ("[Remote.Origin]\nurl=x", "remote.origin.URL", "x"),
        ("[a]\nb = \" x \" # c\n", "a.b", " x "),
        ("[a]\nb = x  y  ; c\n", "a.b", "x  y"),
        ("[a]\nb = one \\\n  two\n", "a.b", "one   two"),
        ("[a]\nb = \"q#;\" z\\n\\t\\b\\\\\\\"", "a.b", "q#; z\n\t\u{8}\\\""),
        ("\u{feff}[a]\r\nb = 1\r\n", "a.b", "1"),
        ("[a]\nb = 1\nb = 2\n", "a.b", "2"),
        ("[a]\nb\n", "a.b", ""),
        ("[a]\nb = x\\", "a.b", "x"),
        ("[a] ; c\n# d\n[b]\n[a]c=2", "a.c", "2"),
        ("[include]\npath = /etc/passwd\n", "include.path", "/etc/passwd"),
    ])
    func parses(text: String, key: String, value: String) throws {
        #expect(try GitConfig(parsing: Array(text.utf8)).string(key) == value)
    }

    @Test(arguments: [
        ("[a\nb=1", 1), ("x y\n", 1), ("[a]\n1=2", 2), ("[]\na=1", 1), ("[a]\nb=\"x\n", 2), ("[a]\nb=\\x\n", 2),
        ("[a \"b]\n", 1), ("[a \"b\"x]\n", 1), ("[a b]\n", 1), ("[a]\nb-c d\n", 2), ("[a]\nb=x\u{0}y\n", 2), ("=\n", 1),
    ])
    func refuses(text: String, line: Int) {
        #expect(throws: GitConfigError(code: .badLine, message: "bad config line \(line)")) {
            try GitConfig(parsing: Array(text.utf8))
        }
    }

    @Test(
        arguments: [
            ("true", true), ("YES", true), ("On", true), ("1", true), ("-3", true), ("0x1", true), ("1k", true),
            ("false", false),
            ("no", false), ("oFF", false), ("0", false), ("", false), ("maybe", nil), ("4g", nil), ("1 ", true),
            ("\"1 \"", nil),
        ] as [(String, Bool?)])
    func readsTruthValues(text: String, value: Bool?) throws {
        #expect(try GitConfig(parsing: Array("[a]\nb = \(text)\n".utf8)).bool("a.b") == value)
    }

    @Test func aKeyWithoutValueIsTrueAndAMissingOneUnknown() throws {
        let config = try GitConfig(parsing: Array("[a]\nb\n".utf8))
        #expect(config.bool("a.b") == true)
        #expect(config.bool("a.c") == nil)
        #expect(config.string("a.c") == nil)
        #expect(config.int("a.b") == nil)
    }

    @Test(
        arguments: [
            ("12", 12), ("-1k", -1024), ("2M", 2 << 20), ("1g", 1 << 30), ("0x10", 16), ("010", 8),
            ("9223372036854775807", .max),
            ("-9223372036854775808", .min), ("9223372036854775808", nil), ("9999999999g", nil), ("1kb", nil),
            ("k", nil),
            ("", nil), ("+5", 5), ("1 k", nil),
        ] as [(String, Int64?)])
    func readsNumbers(text: String, value: Int64?) throws {
        #expect(try GitConfig(parsing: Array("[a]\nb = \(text)\n".utf8)).int("a.b") == value)
    }

    @Test func answersAllValuesAndSubsections() throws {
        let config = try GitConfig(parsing: Array("[r \"x\"]u=1\nu\n[r \"Y.z\"]u=2\n[r]u=3\n[r \"x\"]u=4".utf8))
        #expect(config.all("r.x.u").map(\.text) == ["1", "", "4"])
        #expect(config.all("r.X.u") == [])
        #expect(config.subsections(of: "R").map(\.text) == ["x", "Y.z"])
    }

    @Test func agreesWithGitOnGeneratedFiles() async throws {
        try await withScratch { directory in
            let path = directory.appending("config")
            var random = SplitMix(state: 42)
            var accepted = 0
            for round in 0..<120 {
                let text = Self.generate(&random)
                try write(text, to: path)
                let command = GitCommand(["config", "--file", path.string, "--list", "-z"], in: directory)
                let result = try await command.run()
                let own = try? GitConfig(parsing: text)
                #expect((own != nil) == (result.status == 0), "round \(round): \(text.text.debugDescription)")
                guard let own, result.status == 0 else { continue }
                accepted += 1
                let listed = own.entries.reduce(into: [UInt8]()) { text, entry in
                    text += entry.key
                    if let value = entry.value { text += [10] + value }
                    text.append(0)
                }
                #expect(listed == result.output, "round \(round): \(text.text.debugDescription)")
            }
            #expect(accepted > 30)
        }
    }

    @Test func neverFailsOtherwiseOnRandomBytes() {
        var random = SplitMix(state: 7)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: .min ... .max, using: &random)
                    : Array("[]\"\\\n=.#a b".utf8).randomElement(using: &random) ?? 0
            }
            _ = try? GitConfig(parsing: bytes)
        }
    }

    private static func generate(_ random: inout SplitMix) -> [UInt8] {
        let pieces = [
            "[core]", "[a.B.c]", "[sec \"Sub\"]", "[sec \"s\\\"\\\\.x\"]", "[s-1  \"\"]", "\n", "\n", "\r\n",
            "\nkey = value\n",
            "\nK-2=", "\nvalueless", "\nflag\n", "x = 1", " \"quoted # ; \"", " # comment", " ; other", " a b  c ",
            "\\n", "\\t",
            "\\\\", "\\\"", "\\\n", "\"", "\u{e4}", "#", "= =",
        ]
        // Mostly sensible files; pure noise would hardly ever be accepted.
        var text = "[top]"
        for _ in 0..<Int.random(in: 0..<9, using: &random) {
            text +=
                Int.random(in: 0..<3, using: &random) > 0
                ? "\nname\(Int.random(in: 0..<3, using: &random)) = "
                    + (pieces[16...].randomElement(using: &random) ?? "")
                : pieces.randomElement(using: &random) ?? ""
        }
        return Array(text.utf8)
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

@Suite struct GitConfigFileTests {
    @Test func readsAgainOnlyWhatHasChanged() async throws {
        try await withScratch { directory in
            let file = GitConfigFile(directory.appending("config"))
            #expect(try file.current() == GitConfig())
            try write("[a]\nb = 1\n", to: file.path)
            #expect(try file.current().string("a.b") == "1")
            // The same size within the same time stamp.
            try write("[a]\nb = 2\n", to: file.path)
            #expect(try file.current().string("a.b") == "2")
            try Files.unlink(file.path)
            #expect(try file.current().string("a.b") == nil)
        }
    }

    @Test func writesThroughGit() async throws {
        try await withScratch { directory in
            let file = GitConfigFile(directory.appending("config"))
            try await file.set("annex.uuid", "x \"y\" # z")
            try await file.set("remote.A b.url", "-u")
            #expect(try file.current().string("annex.uuid") == "x \"y\" # z")
            #expect(try file.current().string("remote.A b.url") == "-u")
            try await file.unset("annex.uuid")
            try await file.unset("annex.uuid")
            #expect(try file.current().string("annex.uuid") == nil)
            await #expect(throws: GitError.self) { try await file.set("no-section", "1") }
        }
    }

    @Test func aLargeOrBrokenFileIsAnError() async throws {
        try await withScratch { directory in
            let path = directory.appending("config")
            try write([UInt8](repeating: 10, count: 101), to: path)
            let small = GitConfigFile(path, limit: 100)
            #expect { try small.current() } throws: { ($0 as? GitConfigError)?.code == .tooLarge }
            #expect(try GitConfigFile(path, limit: 101).current() == GitConfig())
            try write("?", to: path)
            let broken = GitConfigFile(path)
            #expect { try broken.current() } throws: { ($0 as? GitConfigError)?.code == .badLine }
        }
    }

    @Test func manyThreadsMayAsk() async throws {
        try await withScratch { directory in
            let file = GitConfigFile(directory.appending("config"))
            try write("[a]\nb = 1\n", to: file.path)
            await withTaskGroup(of: String?.self) { group in
                for _ in 0..<200 { group.addTask { try? file.current().string("a.b") } }
                for await value in group { #expect(value == "1") }
            }
        }
    }
}
