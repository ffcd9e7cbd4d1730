// deploy/install.md goes from nothing to a running service: its own lines are carried out, on scratch copies of /etc,
// /usr/local and /srv, with the program that the tests have built. `make test-install` does the same with a release.

import Foundation
import TestKit
import Testing

@Suite(.enabled(if: SmallDisk.isAvailable, "needs a mount namespace, which only root can have"))
struct InstallTests {
    @Test("the page's commands work in their order, and the service can use all that they make")
    func followed() throws {
        var command = Command(["\(Tools.packageRoot)/Tests/install", try Tools.annexd()], timeout: 300)
        command.environment["HOME"] = ProcessInfo.processInfo.environment["HOME"]
        let result = try command.run()
        #expect(result.status == 0 && result.text.contains("deploy/install.md works"), "\(result.transcript)")
    }
}
