import AnnexProtocol
import Hosting
import Logging
import NIOCore
import NIOHTTP1

@testable import GitHost
@testable import HTTPTransport
@testable import Telemetry
@testable import WebService

/// Text that came from outside and goes out again: into configurations, response heads and logs.
let outputTargets = [
    // The Host header, a repository's name and its UUID.
    FuzzTarget("discovery") { input in
        let parts = input.parts(3)
        guard let address = PublicAddress(scheme: "http", hostHeader: String(decoding: parts[0], as: UTF8.self)),
            let name = RepositoryName(String(decoding: parts[1], as: UTF8.self)), let uuid = RepositoryUUID(parts[2])
        else { return }
        let text = RepositoryConfig(name: name, uuid: uuid, authority: address).text
        let config = try GitConfig(parsing: Array(text.utf8))
        try requireEqual(
            config.entries.map { String(decoding: $0.key, as: UTF8.self) },
            ["core.bare", "annex.uuid", "annex.version", "annex.url"], "the client's settings in \(text)")
        try requireEqual(config.string("annex.uuid"), "\(uuid)", "the UUID that the client reads")
        let url = config.string("annex.url") ?? ""
        try require(url.hasPrefix("annex+http://") && url.utf8.allSatisfy { $0 > 32 && $0 < 127 }, url)
        try require(!url.utf8.contains { Array("\"#;\\@?".utf8).contains($0) }, url)
    },
    // A reason phrase, the name of a header field and its value.
    FuzzTarget("response-head") { input in
        let parts = input.parts(3).map { String(decoding: $0, as: UTF8.self) }
        var buffer = ByteBuffer()
        ResponseHead.write(
            .custom(code: 403, reasonPhrase: parts[0]), headers: [parts[1]: parts[2]], framing: .length(5),
            contentLength: 5, connection: nil, server: "annexd", date: DateText(), into: &buffer)
        let bytes = Array(buffer.readableBytesView)
        try require(bytes.suffix(4).elementsEqual([13, 10, 13, 10]), "the head ends")
        let lines = bytes.dropLast(4).split(separator: 10, omittingEmptySubsequences: false)
        try require((4...5).contains(lines.count), "as many lines as were written: \(lines.count)")
        try require(lines.dropLast().allSatisfy { $0.last == 13 }, "each line ends properly")
        try require(
            lines.allSatisfy { line in
                !(line.last == 13 ? line.dropLast() : line).contains { $0 < 32 && $0 != 9 || $0 == 127 }
            },
            "no control characters")
        let lengths = lines.filter { String(decoding: $0, as: UTF8.self).lowercased().hasPrefix("content-length:") }
        try requireEqual(lengths.count, 1, "fields for Content-Length")
    },
    // The message, and the name and value of one field.
    FuzzTarget("log-line") { input in
        let parts = input.parts(3).map { String(decoding: $0, as: UTF8.self) }
        var metadata: Logger.Metadata = ["list": .array([.string(parts[2]), .dictionary([parts[1]: "x"])])]
        metadata[parts[1]] = .string(parts[2])
        let line = LogLine(time: Timestamp(seconds: 0), level: .info, message: parts[0], metadata: metadata)
        for format in LogFormat.allCases {
            let text = line.text(as: format)
            try require(text.last == "\n" && text.utf8.dropLast().allSatisfy { $0 >= 32 && $0 != 127 }, "one line")
            try require(text.unicodeScalars.allSatisfy { !(0x80...0x9f).contains($0.value) }, "no C1 controls")
        }
    },
]
