// The attack: names and keys that strangers chose are shown to people: an escape sequence in one drives their terminal,
// a line feed forges a line, and a bidirectional mark makes one name look like another.

import Testing

@testable import Telemetry

@Suite struct QuotingTests {
    @Test(
        arguments: [
            ("team/data", "team/data"), ("a\u{1B}[2Jb", "a\\u001b[2Jb"), ("a\u{9B}31m", "a\\u009b31m"),
            ("a\u{7F}", "a\\u007f"), ("a\u{202E}gpj", "a\\u202egpj"), ("a\u{200B}b", "a\\u200bb"),
            ("a\rb", "a\\u000db"), ("one\ntwo", "one\\ntwo"), ("tab\tulator", "tab\tulator"),
            ("é ü \"quoted\" \\", "é ü \"quoted\" \\"), ("", ""),
        ])
    func terminal(text: String, shown: String) { #expect(Quoting.terminal(text) == shown) }

    @Test func linesOfOurOwnStay() {
        #expect(Quoting.terminal("one\ntwo\u{7}", keepsLineFeeds: true) == "one\ntwo\\u0007")
    }
}
