// The attack: whoever collects the log stops reading it, with a full disk or on purpose, while the server goes on
// writing a line for each request. The server must neither wait for a reader, nor write lines into one another.

import Dispatch
import Foundation
import Glibc
import Logging
import Testing

@testable import Telemetry

@Suite struct LineWriterTests {
    /// A pipe that holds some 64 KiB, and whose reader reads when it is told to.
    private final class Pipe: Sendable {
        let reader: CInt
        let writer: CInt

        init() throws {
            var ends: [CInt] = [0, 0]
            try #require(pipe(&ends) == 0)
            (reader, writer) = (ends[0], ends[1])
            try #require(fcntl(reader, F_SETFL, O_NONBLOCK) == 0)
        }

        deinit {
            close(reader)
            close(writer)
        }

        /// What is in the pipe now.
        func drain() -> String {
            var text: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(reader, &piece, piece.count)
                guard count > 0 else { return String(decoding: text, as: UTF8.self) }
                text += piece[..<count]
            }
        }

        var logger: Logger {
            let output = LogOutput(descriptor: writer)
            return Logger(label: "test") { _ in
                LineLogHandler(output: output, clock: { Timestamp(seconds: 0, nanoseconds: 0) })
            }
        }
    }

    /// Runs what might wait for ever on a thread of its own.
    private func within(_ seconds: Double, _ work: @escaping @Sendable () -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            work()
            done.signal()
        }
        try #require(done.wait(timeout: .now() + seconds) == .success, "writing lines that nobody reads")
    }

    @Test func aLogThatNobodyReadsHoldsUpNothing() throws {
        let pipe = try Pipe()
        let logger = pipe.logger
        try within(120) {
            for number in 0..<20_000 { logger.info("request", metadata: ["number": "\(number)"]) }
        }
        let kept = pipe.drain().split(separator: "\n")
        #expect(!kept.isEmpty && kept.count < 20_000)
        let start = "time=1970-01-01T00:00:00.000Z level=info msg="
        #expect(kept.enumerated().allSatisfy { $1 == "\(start)request number=\($0)" })

        // There is room again, and the next line tells what is missing.
        try within(120) {
            logger.info("read again")
            logger.info("as before")
        }
        let rest = pipe.drain().split(separator: "\n")
        #expect(rest == ["\(start)\"read again\" dropped=\(20_000 - kept.count)", "\(start)\"as before\""])
    }

    @Test func aLineThatWasCutOffIsEndedBeforeTheNext() throws {
        let pipe = try Pipe()
        let logger = pipe.logger
        let long = String(repeating: "x", count: 50_000)
        try within(120) { for _ in 0..<3 { logger.info("long", metadata: ["text": "\(long)"]) } }
        let kept = pipe.drain()
        #expect(kept.contains(long) && !kept.hasSuffix("\n"), "the second one has no room")
        try within(120) { logger.info("short") }
        #expect(pipe.drain() == "\ntime=1970-01-01T00:00:00.000Z level=info msg=short dropped=2\n")
    }

    @Test func aReaderThatIsGoneHoldsUpNothing() throws {
        var ends: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        close(ends[0])
        let (end, before) = (ends[1], signal(SIGPIPE, SIG_IGN))
        defer {
            signal(SIGPIPE, before)
            close(end)
        }
        try within(120) {
            let writer = LineWriter(end)
            for _ in 0..<1000 { writer.write { _ in "line\n" } }
        }
    }
}
