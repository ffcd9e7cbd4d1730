import AnnexProtocol
import Logging
import Synchronization
import Telemetry
import Testing

/// Collects lines instead of writing them.
private final class Lines: Sendable {
    private let stored = Mutex<[String]>([])

    var all: [String] { stored.withLock { $0 } }
    var output: LogOutput { LogOutput { line in self.stored.withLock { $0.append(line) } } }
}

private struct Failure: Error, CustomStringConvertible {
    var description: String { "rename \"a\": EXDEV" }
}

@Suite struct LogTests {
    private func logger(_ format: LogFormat, _ lines: Lines, provider: Logger.MetadataProvider? = nil) -> Logger {
        Logger(label: "test") { _ in
            LineLogHandler(
                format: format, level: .info, output: lines.output, metadataProvider: provider,
                clock: { Timestamp(seconds: 1_795_437_062, nanoseconds: 42_999_999) })
        }
    }

    @Test func logfmtLineHasSortedMetadata() {
        let lines = Lines()
        logger(.logfmt, lines).info(
            "object stored", metadata: ["repo": "team/data", "bytes": "12", "key": "SHA256E-s1--ab"])
        #expect(
            lines.all == [
                "time=2026-11-23T12:31:02.042Z level=info msg=\"object stored\" bytes=12 key=SHA256E-s1--ab repo=team/data\n"
            ])
    }

    @Test func jsonLineKeepsNumbersBooleansAndNesting() {
        let lines = Lines()
        logger(.json, lines).error(
            "refused",
            metadata: [
                "status": .stringConvertible(403), "tls": .stringConvertible(true), "who": "bob",
                "parts": .array(["a", .dictionary(["b": "c\""])]),
            ])
        #expect(
            lines.all == [
                "{\"time\":\"2026-11-23T12:31:02.042Z\",\"level\":\"error\",\"msg\":\"refused\","
                    + "\"parts\":[\"a\",{\"b\":\"c\\\"\"}],\"status\":403,\"tls\":true,\"who\":\"bob\"}\n"
            ])
    }

    /// The attack: names from outside that forge a second line, drive the terminal, or pose as another field.
    @Test(
        arguments: [
            ("plain-word", "v=plain-word"),
            ("", "v=\"\""),
            ("two words", "v=\"two words\""),
            ("a=b", "v=\"a=b\""),
            ("say \"hi\"\\", #"v="say \"hi\"\\""#),
            ("a\nlevel=error", #"v="a\nlevel=error""#),
            ("a\r\tb", #"v="a\r\tb""#),
            ("\u{1b}[2J\u{0}\u{7f}\u{9b}", #"v="\u001b[2J\u0000\u007f\u009b""#),
            ("abc\u{202e}txt.exe", #"v="abc\u202etxt.exe""#),
            ("line\u{2028}sep", #"v="line\u2028sep""#),
            ("straße", "v=\"straße\""),
        ])
    func quotesWhatCameFromOutside(value: String, field: String) {
        let lines = Lines()
        logger(.logfmt, lines).info("m", metadata: ["v": .string(value)])
        #expect(lines.all.first?.hasSuffix(" msg=m \(field)\n") == true)
        #expect(lines.all.first?.filter(\.isNewline).count == 1)
    }

    @Test func metadataCannotPoseAsTheLinesOwnFields() {
        let lines = Lines()
        logger(.logfmt, lines).info("m", metadata: ["level": "debug", "a b=c\n": "x", "": "y"])
        #expect(lines.all.first?.hasSuffix(" level=info msg=m _=y a_b_c_=x level_=debug\n") == true)
    }

    @Test func callSiteWinsOverProviderAndLogger() {
        let lines = Lines()
        var logger = logger(.logfmt, lines, provider: Logger.MetadataProvider { ["a": "provider", "b": "provider"] })
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "b"] = "logger"
        logger[metadataKey: "c"] = "logger"
        logger.info("m", metadata: ["a": "site"])
        #expect(lines.all.first?.hasSuffix(" a=site b=provider c=logger\n") == true)
    }

    @Test func levelAndMetadataAreOfTheCopy() {
        let lines = Lines()
        let original = logger(.logfmt, lines)
        var copy = original
        copy.logLevel = .debug
        copy[metadataKey: "id"] = "1"
        original.debug("hidden")
        copy.debug("shown")
        #expect(lines.all.count == 1)
        #expect(original[metadataKey: "id"] == nil)
    }

    @Test func attachedErrorIsAField() {
        let lines = Lines()
        let handler = LineLogHandler(output: lines.output)
        handler.log(
            event: LogEvent(
                level: .error, message: "failed", error: Failure(), metadata: nil, source: nil, file: "f",
                function: "g",
                line: 1))
        #expect(lines.all.first?.hasSuffix(#" msg=failed error="rename \"a\": EXDEV""# + "\n") == true)
    }

    @Test func secretsStayOut() {
        let lines = Lines()
        logger(.json, lines).info("login", metadata: ["token": "\(Secret("hunter2"))"])
        #expect(lines.all.first?.contains("\"token\":\"<redacted>\"") == true)
    }

    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"), (951_782_400, 999_999_999, "2000-02-29T00:00:00.999Z"),
            (4_102_444_799, 5_000_000, "2099-12-31T23:59:59.005Z"),
        ])
    func timestamps(seconds: Int, nanoseconds: Int, text: String) {
        #expect(Timestamp(seconds: seconds, nanoseconds: nanoseconds).description == text)
    }
}
