import AnnexProtocol
import Testing

@Suite struct KeepLockedParserTests {
    private static let bodies: [(String, [KeepLockedParser.Event])] = [
        ("{\"unlock\":false}\n{\"unlock\":true}\n", [.heartbeat, .unlock]),
        ("{\"unlock\":true}", [.unlock]),
        (
            " \r\n\t{ \"unlock\" : false }{\"unlock\":false}\n\n  {\n\"unlock\"\n:\ntrue\n}  ",
            [.heartbeat, .heartbeat, .unlock]
        ),
        ("{\"unlock\":true}garbage{", [.unlock]),
        ("{\"x\":\"}{\\\"\",\"unlock\":false,\"y\":-1.5e3,\"z\":null}\n", [.heartbeat]),
        ("{\"x\":\"\\\\\",\"unlock\":true}", [.unlock]),
        ("", []), ("\n \n", []),
        ("x", [.garbage]), ("[]", [.garbage]), ("true", [.garbage]), ("}", [.garbage]), ("{}", [.garbage]),
        ("{x}", [.garbage]),
        ("{\"unlock\":1}", [.garbage]), ("{\"unlock\":\"true\"}", [.garbage]), ("{\"unlock\":null}", [.garbage]),
        ("{\"unlock\"}", [.garbage]), ("{\"unlock\":true,}", [.garbage]), ("{\"unlock\":true true}", [.garbage]),
        ("{\"unlock\":}", [.garbage]), ("{:true}", [.garbage]), ("{\"Unlock\":true}", [.garbage]),
        ("{\"unlock\":false,\"unlock\":true}", [.garbage]), ("{\"a\":{\"unlock\":true}}", [.garbage]),
        ("{\"unlock\":TRUE}", [.garbage]), ("{{\"unlock\":true}}", [.garbage]),
        ("{\"unlock\":false}\nx{\"unlock\":true}", [.heartbeat, .garbage]),
        // What no reader of JSON accepts gives up no lock.
        ("{\"x\":nul,\"unlock\":true}", [.garbage]), ("{\"x\":01,\"unlock\":true}", [.garbage]),
        ("{\"x\":1.,\"unlock\":true}", [.garbage]), ("{\"x\":1e,\"unlock\":true}", [.garbage]),
        ("{\"x\":-,\"unlock\":true}", [.garbage]), ("{\"x\":-0.5E+3,\"unlock\":true}", [.unlock]),
        ("{\"x\u{1}\":0,\"unlock\":true}", [.garbage]), ("{\"\\x\":0,\"unlock\":true}", [.garbage]),
        ("{\"\\u00e\":0,\"unlock\":true}", [.garbage]), ("{\"\\u00E9\\n\":0,\"unlock\":true}", [.unlock]),
        ("{\"unl\\u006fck\":true}", [.garbage]), ("{\"unloc\u{212A}\":true}", [.garbage]),
        ("{\"unlock\":", [.garbage]), ("{\"unlock\":true", [.garbage]),
        ("{\"unlock\":false}\n{\"", [.heartbeat, .garbage]),
        ("{\"unlock\":false}\n{\"\\", [.heartbeat, .garbage]),
    ]

    @Test("spec 01 #91: in one piece, byte by byte and in random pieces", arguments: bodies)
    func reads(body: String, expected: [KeepLockedParser.Event]) {
        let bytes = Array(body.utf8)
        #expect(events(bytes, most: bytes.count + 1) == expected)
        #expect(events(bytes, most: 1) == expected)
        for _ in 0..<20 { #expect(events(bytes, most: 7) == expected) }
    }

    @Test("an object of 4 KiB is read, a longer one is garbage before it ends")
    func bound() {
        let start = Array("{\"unlock\":true,\"x\":\"".utf8)
        let fits = start + [UInt8](repeating: 97, count: 4096 - start.count - 1) + Array("\"}".utf8)
        #expect(events(fits, most: 100) == [.unlock])
        var parser = KeepLockedParser()
        #expect(parser.parse(start + [UInt8](repeating: 97, count: 5000)) == [.garbage])
        #expect(parser.parse(Array("\"}{\"unlock\":true}".utf8)) == [])
        #expect(parser.finish() == nil)
        // Space between objects may go on for ever.
        var idle = KeepLockedParser()
        #expect(idle.parse([UInt8](repeating: 10, count: 100_000)) == [])
        #expect(idle.finish() == nil)
    }

    @Test("random bytes never release a lock")
    func randomBytes() {
        let characters = Array("{}\":, \n\\unlockfase".utf8)
        for round in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...60)).map { _ in
                round % 2 == 0 ? UInt8.random(in: 0...255) : characters.randomElement() ?? 0
            }
            // Without an `r` there is no `true`.
            #expect(!events(bytes.filter { $0 != UInt8(ascii: "r") }, most: 9).contains(.unlock))
        }
    }

    private func events(_ bytes: [UInt8], most: Int) -> [KeepLockedParser.Event] {
        var parser = KeepLockedParser()
        var events: [KeepLockedParser.Event] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = most > bytes.count ? bytes.count : Int.random(in: 1...most)
            events += parser.parse(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        if let last = parser.finish() { events.append(last) }
        return events
    }
}
