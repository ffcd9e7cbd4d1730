// swift-tools-version: 6.2

// The map of annexd: one section per module, lowest first. Imports point downwards only, and each outside world
// has one gate: processes in GitHost, sockets in HTTPTransport, TOML in Settings, libcrypto and friends in AnnexDigest.

import PackageDescription

/// `ANNEXD_STRICT=1` turns warnings into errors in our own modules; dependencies keep theirs.
let warnings: [SwiftSetting] = Context.environment["ANNEXD_STRICT"] == "1" ? [.treatAllWarnings(as: .error)] : []

/// `ANNEXD_FUZZ` is the path of libFuzzer's library, and makes the program `annexd-fuzz` of the sources of FuzzTests:
/// our own modules count what they run, and let their internals be imported although they are optimised (`make fuzz`).
let fuzzer = Context.environment["ANNEXD_FUZZ"]
let instrumented: [SwiftSetting] =
    fuzzer == nil ? [] : [.unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing", "-assert-config", "Debug"])]

let strict: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + warnings + instrumented

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "annexd",
    products: [
        .executable(name: "annexd", targets: ["annexd"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // Digests of every git-annex backend: libcrypto, libbotan and libxxhash, and two by hand.
        .target(
            name: "CDigest",
            linkerSettings: [
                .linkedLibrary("crypto"), .linkedLibrary("b2"), .linkedLibrary("xxhash"), .linkedLibrary("botan-2"),
            ]
        ),
        .target(name: "AnnexDigest", dependencies: ["CDigest"], swiftSettings: strict),

        // Pure values and codecs: keys, UUIDs, hash directories, routes, replies, branch lines. No I/O.
        .target(name: "AnnexProtocol", dependencies: ["AnnexDigest"], swiftSettings: strict),

        // Blocking, durable file work: descriptors, open-file-description locks, atomic replacement.
        .target(name: "CLinux"),
        .target(name: "FileIO", dependencies: ["CLinux", system], swiftSettings: strict),

        // Log lines, request ids and metrics.
        .target(name: "Telemetry", dependencies: [log], swiftSettings: strict),

        // The annex object store of one repository: presence, receiving, removal, locks. Blocking.
        .target(
            name: "ObjectStore", dependencies: ["AnnexDigest", "AnnexProtocol", "FileIO", system], swiftSettings: strict
        ),

        // Every git process: commands, smart-HTTP services, object reads, configuration.
        .target(
            name: "GitHost",
            dependencies: [
                "CZlib", "FileIO", system, .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: strict),
        .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),

        // The git-annex branch of one repository: journal, location log, commits, union merges.
        .target(
            name: "AnnexBranch", dependencies: ["AnnexProtocol", "FileIO", "GitHost", log, system],
            swiftSettings: strict),

        // What waits, within bounds: the pool of threads for blocking work, and lines of callers.
        .target(
            name: "Blocking", dependencies: [.product(name: "NIOPosix", package: "swift-nio")], swiftSettings: strict),

        // The typed settings of the host, from defaults, TOML file and command line.
        .target(name: "Settings", dependencies: ["TOMLKit"], swiftSettings: strict),

        // Who may do what: a pure decision over identity, route and policy.
        .target(name: "Accounts", swiftSettings: strict),

        // What everything that holds content can be asked, and what stands in front of every such place: bodies that
        // are judged, split and resumed, turns, spools.
        .target(
            name: "Locations",
            dependencies: [
                "AnnexDigest", "AnnexProtocol", "Blocking", "FileIO", system,
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict),

        // Remotes on other machines as content locations: annex+http. The gate to the HTTP client.
        .target(
            name: "Remotes",
            dependencies: [
                "AnnexProtocol", "Blocking", "FileIO", "GitHost", "Locations", "Telemetry", log, system,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict),

        // The hosted repositories: the catalog of the root folder, each open repository and its content as a place.
        .target(
            name: "Hosting",
            dependencies: [
                "AnnexBranch", "AnnexProtocol", "Blocking", "FileIO", "GitHost", "Locations", "ObjectStore", log,
                system,
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict),

        // What stands behind hosted repositories: which remotes they proxy, and each of them as a place that is logged.
        .target(
            name: "Gateways",
            dependencies: [
                "AnnexBranch", "AnnexProtocol", "Blocking", "GitHost", "Hosting", "Locations", "Remotes", log, system,
            ],
            swiftSettings: strict),

        // Sockets to requests and responses. Knows no annex.
        .target(
            name: "HTTPTransport",
            dependencies: [
                "Blocking", "FileIO", log, system,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: strict),

        // One file per operation: git, P2P over HTTP, discovery, operations.
        .target(
            name: "WebService",
            dependencies: [
                "Accounts", "AnnexProtocol", "Blocking", "FileIO", "Gateways", "GitHost", "Hosting",
                "HTTPTransport", "Locations", "Telemetry", log, system,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),

        // The command line.
        .executableTarget(
            name: "annexd",
            dependencies: [
                "Accounts", "AnnexProtocol", "Blocking", "FileIO", "Gateways", "GitHost", "Hosting", "HTTPTransport",
                "ObjectStore", "Remotes", "Settings", "Telemetry", "WebService", log, system,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),

        // Hosts on free ports and stock clients with a HOME of their own, for tests.
        .target(name: "TestKit", dependencies: ["Blocking"], swiftSettings: strict),

        // A place in memory that does what a test tells it, for tests of everything above ContentLocation.
        .target(
            name: "LocationsTesting",
            dependencies: ["AnnexProtocol", "FileIO", "Locations", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: strict),

        // Tests, one target for each module.
        .testTarget(
            name: "AnnexdTests", dependencies: ["annexd", "Blocking", "FileIO", "Hosting", "Settings", log, system],
            swiftSettings: strict),
        .testTarget(name: "AccountsTests", dependencies: ["Accounts"], swiftSettings: strict),
        .testTarget(name: "AnnexDigestTests", dependencies: ["AnnexDigest"], swiftSettings: strict),
        .testTarget(
            name: "AnnexBranchTests",
            dependencies: ["AnnexBranch", "AnnexProtocol", "FileIO", "GitHost", log, system], swiftSettings: strict),
        .testTarget(
            name: "AnnexProtocolTests", dependencies: ["AnnexDigest", "AnnexProtocol"], swiftSettings: strict),
        .testTarget(name: "BlockingTests", dependencies: ["Blocking"], swiftSettings: strict),
        .testTarget(
            name: "LocationsTests",
            dependencies: [
                "AnnexDigest", "AnnexProtocol", "Blocking", "FileIO", "Locations", "LocationsTesting", "TestKit",
                system,
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(name: "FileIOTests", dependencies: ["FileIO", system], swiftSettings: strict),
        .testTarget(
            name: "GitHostTests", dependencies: ["CZlib", "FileIO", "GitHost", "TestKit", system], swiftSettings: strict
        ),
        .testTarget(
            name: "HTTPTransportTests",
            dependencies: [
                "Blocking", "FileIO", "HTTPTransport", log, system,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: strict),
        .testTarget(
            name: "ObjectStoreTests", dependencies: ["AnnexProtocol", "CDigest", "FileIO", "ObjectStore", system],
            swiftSettings: strict),
        // Every single file operation of the important work fails once.
        .testTarget(
            name: "FaultTests",
            dependencies: [
                "AnnexBranch", "AnnexDigest", "AnnexProtocol", "Blocking", "FileIO", "Hosting", "Locations",
                "ObjectStore", log, system, .product(name: "NIOCore", package: "swift-nio"),
            ], swiftSettings: strict),
        .testTarget(name: "ScenarioTests", dependencies: ["TestKit", "annexd"], swiftSettings: strict),
        .testTarget(name: "TestKitTests", dependencies: ["TestKit"], swiftSettings: strict),
        .testTarget(name: "SettingsTests", dependencies: ["Settings"], swiftSettings: strict),
        .testTarget(name: "TelemetryTests", dependencies: ["AnnexProtocol", "Telemetry", log], swiftSettings: strict),
        .testTarget(
            name: "WebServiceTests",
            dependencies: [
                "AnnexProtocol", "Blocking", "FileIO", "Hosting", "Locations", "TestKit", "WebService", system,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "GatewaysTests",
            dependencies: [
                "AnnexBranch", "AnnexProtocol", "Blocking", "FileIO", "Gateways", "GitHost", "Hosting", "Locations",
                "LocationsTesting", "Remotes", log, system,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "HostingTests",
            dependencies: [
                "AnnexBranch", "AnnexDigest", "AnnexProtocol", "Blocking", "FileIO", "GitHost", "Hosting", "Locations",
                "LocationsTesting", "TestKit", log, system,
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "RemotesTests",
            dependencies: [
                "AnnexProtocol", "Blocking", "FileIO", "GitHost", "Locations", "Remotes", "Telemetry", "TestKit", log,
                system,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], swiftSettings: strict),
    ]
)

// What fuzzers attack, and what their corpora must keep: a test that replays them, or else the fuzzers themselves.
let fuzzed: [Target.Dependency] = [
    "AnnexBranch", "AnnexProtocol", "CZlib", "GitHost", "Hosting", "HTTPTransport", "Remotes", "Telemetry",
    "WebService", log, system,
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
]
if let fuzzer {
    package.products.append(.executable(name: "annexd-fuzz", targets: ["FuzzTests"]))
    package.targets.append(
        .executableTarget(
            name: "FuzzTests", dependencies: fuzzed, path: "Tests/FuzzTests",
            exclude: ["Corpus", "ReplayTests.swift", "fuzz", "words.dict"],
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [
                .unsafeFlags([
                    "-Xclang-linker", "-fsanitize=fuzzer-no-link,address", "-Xlinker", fuzzer, "-lstdc++",
                ])
            ]))
} else {
    package.targets.append(
        .testTarget(
            name: "FuzzTests", dependencies: fuzzed, exclude: ["Corpus", "Fuzzer", "fuzz", "words.dict"],
            swiftSettings: strict))
}
