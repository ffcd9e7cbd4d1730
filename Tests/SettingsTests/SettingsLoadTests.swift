import Settings
import Testing

@Suite struct SettingsLoadTests {
    private func load(
        _ text: String, environment: [String: String] = [:], overrides: [SettingOverride] = []
    ) throws -> Settings {
        try Settings.load(text: text, name: "annexd.toml", environment: environment, overrides: overrides)
    }

    /// What is wrong with a text, one message per problem.
    private func problems(
        _ text: String, environment: [String: String] = [:], overrides: [SettingOverride] = []
    ) -> [String] {
        do {
            _ = try Settings.load(text: text, name: "annexd.toml", environment: environment, overrides: overrides)
            return []
        } catch {
            return error.problems.map(\.message)
        }
    }

    @Test func nothingGivesTheDefaults() throws {
        #expect(try load("") == Settings())
        #expect(try load("# only a comment\n[server]\n") == Settings())
    }

    @Test func everyKeyIsRead() throws {
        let settings = try load(
            """
            [server]
            root = "/srv/annexd"
            listen = ["127.0.0.1:1", "[::]:2", "unix:/run/a"]
            public_url = "https://example.org/annex"
            anonymous = "append"
            trusted_proxies = ["127.0.0.1", "unix"]
            metrics = "public"
            [tls]
            certificate = "/c.pem"
            key = "/k.pem"
            [limits]
            max_connections = 1
            max_remote_connections = 11
            header_timeout_seconds = 2
            idle_timeout_seconds = 121
            transfer_timeout_seconds = 4
            shutdown_seconds = 12
            max_locks = 6
            max_locks_per_client = 5
            max_anonymous_locks = 3
            blocking_threads = 7
            git_processes = 8
            git_slow_clients = 10
            git_queue_seconds = 9
            git_silence_seconds = 13
            git_memory_mebibytes = 512
            push_mebibytes = 12
            disk_reserve_mebibytes = 10
            [branch]
            commit_delay_milliseconds = 50
            [log]
            level = "debug"
            format = "json"
            [repositories]
            push_to_create = false
            object_format = "sha256"
            [cors]
            origins = ["https://app.example:8443", "*"]
            [proxy]
            connect_timeout_seconds = 1
            answer_timeout_seconds = 2
            max_connections = 3
            queue_seconds = 4
            idle_seconds = 5
            ca_files = ["/ca.pem"]
            credentials_file = "/logins"
            """)
        var expected = Settings()
        expected.server.root = "/srv/annexd"
        expected.server.listen = ["127.0.0.1:1", "[::]:2", "unix:/run/a"]
        expected.server.publicURL = "https://example.org/annex"
        expected.server.anonymous = .append
        expected.server.trustedProxies = ["127.0.0.1", "unix"]
        expected.server.metrics = .everyone
        expected.tls.certificate = "/c.pem"
        expected.tls.key = "/k.pem"
        expected.limits.maxConnections = 1
        expected.limits.maxRemoteConnections = 11
        expected.limits.headerTimeout = .seconds(2)
        expected.limits.idleTimeout = .seconds(121)
        expected.limits.transferTimeout = .seconds(4)
        expected.limits.shutdown = .seconds(12)
        expected.limits.maxLocks = 6
        expected.limits.maxLocksPerClient = 5
        expected.limits.maxAnonymousLocks = 3
        expected.limits.blockingThreads = 7
        expected.limits.gitProcesses = 8
        expected.limits.gitSlowClients = 10
        expected.limits.gitQueue = .seconds(9)
        expected.limits.gitSilence = .seconds(13)
        expected.limits.gitMemory = 512
        expected.limits.pushSize = 12
        expected.limits.diskReserve = 10
        expected.branch.commitDelay = .milliseconds(50)
        expected.log.level = .debug
        expected.log.format = .json
        expected.repositories.pushToCreate = false
        expected.repositories.objectFormat = .sha256
        expected.cors.origins = ["https://app.example:8443", "*"]
        expected.proxy.connectTimeout = .seconds(1)
        expected.proxy.answerTimeout = .seconds(2)
        expected.proxy.maxConnections = 3
        expected.proxy.queue = .seconds(4)
        expected.proxy.idleTimeout = .seconds(5)
        expected.proxy.caFiles = ["/ca.pem"]
        expected.proxy.credentialsFile = "/logins"
        #expect(settings == expected)
        // A key that this test forgot would be missing here.
        #expect(settings.keysDiffering(from: Settings()).count == SettingKey.all.count - 1)
        #expect(!settings.keysDiffering(from: Settings()).contains("limits.git_processes"))
    }

    @Test(
        arguments: [
            ("server = { anonymous = \"none\" }", "none"), ("server.anonymous = \"none\"", "none"),
            ("[\"server\"]\n'anonymous' = 'write'", "write"),
        ])
    func everyWayToWriteTOML(text: String, anonymous: String) throws {
        #expect(try load(text).server.anonymous.rawValue == anonymous)
    }

    @Test func laterLayersWin() throws {
        let text = "[server]\nlisten = [\"a:1\", \"b:2\"]\n[log]\nlevel = \"error\"\n[limits]\nmax_locks = 2000\n"
        let environment = [
            "ANNEXD_SERVER_LISTEN": "c:3, d:4", "ANNEXD_LOG_LEVEL": "debug",
            "ANNEXD_REPOSITORIES_PUSH_TO_CREATE": "false",
            "HOME": "/home/bob", "ANNEXD_STRICT": "1",
        ]
        let overrides = [
            SettingOverride(key: "server.listen", option: "--listen", values: ["e:5", "f:6"]),
            SettingOverride(key: "server.anonymous", option: "--anonymous", values: ["none"]),
        ]
        let settings = try load(text, environment: environment, overrides: overrides)
        #expect(settings.server.listen == ["e:5", "f:6"])
        #expect(settings.server.anonymous == .none)
        #expect(settings.log.level == .debug)
        #expect(settings.limits.maxLocks == 2000)
        #expect(!settings.repositories.pushToCreate)
        #expect(try load(text, environment: environment).server.listen == ["c:3", "d:4"])
    }

    @Test(
        "unknown keys are refused with the place and the nearest key",
        arguments: [
            ("[server]\nlisen = []", "annexd.toml:2: unknown key `server.lisen`, did you mean `server.listen`?"),
            ("\n\n[sever]\nlisten = []", "annexd.toml:4: unknown key `sever.listen`, did you mean `server.listen`?"),
            ("listen = []", "annexd.toml:1: unknown key `listen`, did you mean `server.listen`?"),
            ("[sever]", "annexd.toml:1: unknown key `sever`, did you mean `server`?"),
            (
                "[tls]\nanonymus = \"read\"",
                "annexd.toml:2: unknown key `tls.anonymus`, did you mean `server.anonymous`?"
            ),
            (
                "[limits]\nmax_lock = 1",
                "annexd.toml:2: unknown key `limits.max_lock`, did you mean `limits.max_locks`?"
            ),
            ("[limits]\nzzzzzzzzzz = 1", "annexd.toml:2: unknown key `limits.zzzzzzzzzz`"),
            ("server = { lisen = [] }", "annexd.toml:1: unknown key `server.lisen`, did you mean `server.listen`?"),
            ("[server.tls]\nkey = \"a\"", "annexd.toml:2: unknown key `server.tls.key`, did you mean `tls.key`?"),
            ("[[server]]\nroot = \"/\"", "annexd.toml:1: `server` must be a section, written [server]"),
        ])
    func unknownKeys(text: String, message: String) { #expect(problems(text) == [message]) }

    @Test(
        "wrong types and impossible values are refused",
        arguments: [
            (
                "[limits]\nmax_locks = \"many\"",
                "annexd.toml:2: `limits.max_locks` must be a whole number from 1 to 10000000, not the string \"many\""
            ),
            (
                "[limits]\nblocking_threads = 0",
                "annexd.toml:2: `limits.blocking_threads` must be a whole number from 1 to 1024, not the number 0"
            ),
            (
                "[limits]\nblocking_threads = 1.5",
                "annexd.toml:2: `limits.blocking_threads` must be a whole number from 1 to 1024, not a floating-point number"
            ),
            (
                "[branch]\ncommit_delay_milliseconds = 49",
                "annexd.toml:2: `branch.commit_delay_milliseconds` must be a whole number from 50 to 1000, not the number 49"
            ),
            (
                "[branch]\ncommit_delay_milliseconds = 1001",
                "annexd.toml:2: `branch.commit_delay_milliseconds` must be a whole number from 50 to 1000, not the number 1001"
            ),
            (
                "[server]\nanonymous = \"all\"",
                "annexd.toml:2: `server.anonymous` must be one of \"none\", \"read\", \"append\", \"write\", "
                    + "not the string \"all\""
            ),
            (
                "[repositories]\npush_to_create = \"yes\"",
                "annexd.toml:2: `repositories.push_to_create` must be true or false, not the string \"yes\""
            ),
            ("[server]\nroot = 1", "annexd.toml:2: `server.root` must be the path of a folder, not the number 1"),
            (
                "[server]\npublic_url = \"example.org\"",
                "annexd.toml:2: `server.public_url` must be an http:// or https:// URL without query and fragment, "
                    + "not the string \"example.org\""
            ),
            ("[server.root]\na = 1", "annexd.toml:1: `server.root` must be the path of a folder, not a table"),
        ])
    func wrongValues(text: String, message: String) { #expect(problems(text) == [message]) }

    @Test(arguments: ["\"127.0.0.1:9417\"", "[]", "[\"9417\"]", "[1]", "[\"127.0.0.1:0\", \"::1:80\"]"])
    func wrongAddresses(value: String) throws {
        let found = problems("[server]\nlisten = \(value)")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("annexd.toml:2: `server.listen` must be a list of addresses such as") == true)
    }

    // Settings that are called valid must not stop the start.
    @Test(arguments: ["[\"127.0.0\"]", "[\"1\"]", "[\"::1::2\"]", "[\"localhost\"]", "[\"10.0.0.0/8\"]", "[\"\"]"])
    func wrongProxies(value: String) {
        let found = problems("[server]\ntrusted_proxies = \(value)")
        #expect(found.count == 1 && found.first?.contains("numeric addresses") == true, "\(found)")
    }

    @Test(
        "values that are impossible together are refused",
        arguments: [
            ("[tls]\ncertificate = \"/c\"", "`tls.certificate` is set without `tls.key`"),
            ("[tls]\nkey = \"/k\"", "`tls.key` is set without `tls.certificate`"),
            (
                "[limits]\nmax_locks = 10",
                "`limits.max_locks_per_client` (1000) is larger than `limits.max_locks` (10)"
            ),
            ("[server]\nlisten = [\"a:1\", \"b:1\", \"a:1\"]", "`server.listen` names a:1 twice"),
        ])
    func conflicts(text: String, message: String) { #expect(problems(text) == [message]) }

    @Test func port0MayRepeat() throws {
        #expect(try load("[server]\nlisten = [\"a:0\", \"a:0\"]").server.listen.count == 2)
    }

    @Test func environmentIsJudgedAsTheFileIs() {
        #expect(
            problems("", environment: ["ANNEXD_LIMITS_MAX_LOCKS": "many"]) == [
                "environment: `ANNEXD_LIMITS_MAX_LOCKS` must be a whole number from 1 to 10000000, not the string \"many\""
            ])
        #expect(
            problems("", environment: ["ANNEXD_SERVER_LISEN": "a:1"]) == [
                "environment: unknown variable `ANNEXD_SERVER_LISEN`, did you mean `ANNEXD_SERVER_LISTEN`?"
            ])
    }

    @Test func commandLineIsJudgedAsTheFileIs() {
        let override = SettingOverride(key: "server.listen", option: "--listen", values: ["nowhere"])
        #expect(problems("", overrides: [override]).first?.hasPrefix("`--listen` must be a list of addresses") == true)
    }

    @Test func allProblemsAreToldAtOnce() {
        let found = problems("[server]\nlisen = []\n[limits]\nmax_locks = 0\n[tls]\nkey = \"/k\"")
        #expect(found.count == 3)
    }

    @Test(arguments: [
        "[server", "a = ", "a = 1\na = 2", "[server]\nroot = \"\\u0000\"", "\"\\u0000\" = 1", "a = \"x\u{0}\"",
    ])
    func badTOMLIsRefused(text: String) {
        #expect {
            try load(text)
        } throws: {
            ($0 as? SettingsError)?.code == .syntax && "\($0)".hasPrefix("annexd.toml:")
        }
    }

    @Test func syntaxErrorsNameTheLine() {
        #expect(problems("[server]\n\nroot = ").first?.hasPrefix("annexd.toml:3: ") == true)
    }
}
