// A start with standard input, output or error closed, or full: the next file or socket that is opened would get the
// number of the closed one, and what is meant for people be written into it; and results that nobody got would count as
// printed.

import Foundation
import TestKit
import Testing

@Suite struct StandardDescriptorsTests {
    @Test("a server that is started without its three descriptors has something harmless in their place")
    func closed() throws {
        try ScratchDirectory.with { scratch in
            let root = try scratch.makeDirectory("root")
            let script = "exec \"$0\" serve --root \"$1\" --listen 127.0.0.1:0 <&- >&- 2>&-"
            let server = try Command(["sh", "-c", script, try Tools.annexd(), root]).start()
            // Made when connections are accepted.
            #expect(eventually { exists("\(root)/.annexd/control") })
            for number in 0...2 {
                let link = try Command(["readlink", "/proc/\(server.pid)/fd/\(number)"]).check().trimmed
                #expect(link == "/dev/null", "descriptor \(number)")
            }
            server.signal(SIGTERM)
            let result = server.finish(within: 30)
            #expect(result.status == 0, "\(result.transcript)")
        }
    }

    @Test("a command whose results reach nobody fails, and says why", arguments: [">&-", ">/dev/full"])
    func lostResults(redirection: String) throws {
        try ScratchDirectory.with { scratch in
            let root = try scratch.makeDirectory("root")
            for command in ["repo create one", "repo list", "repo list --json", "doctor"] {
                let script = "exec \"$0\" \(command) --root \"$1\" \(redirection)"
                let result = try Command(["sh", "-c", script, try Tools.annexd(), root], timeout: 60).run()
                #expect(result.status == 1 && !result.timedOut, "\(command): \(result.transcript)")
                #expect(result.errorText.contains("the results could not be written"), "\(result.transcript)")
            }
        }
    }

    @Test("a reader that has had enough is no failure")
    func shortReader() throws {
        try ScratchDirectory.with { scratch in
            let root = try scratch.makeDirectory("root")
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            close(ends[0])
            defer { close(ends[1]) }
            let script = "exec \"$0\" doctor --root \"$1\" >&3 3>&-"
            var command = Command(["sh", "-c", script, try Tools.annexd(), root], timeout: 60)
            command.descriptors = [ends[1]]
            let result = try command.run()
            #expect(result.status == 0 && result.errorText.isEmpty, "\(result.transcript)")
        }
    }
}
