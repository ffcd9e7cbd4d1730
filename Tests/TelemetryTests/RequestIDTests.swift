import Telemetry
import Testing

@Suite struct RequestIDTests {
    @Test func isShortAndOfAFixedForm() {
        let generator = RequestIDGenerator()
        for _ in 0..<100 {
            #expect(generator.next().description.wholeMatch(of: /[0-9a-z]{6}-[0-9a-z]{6}/) != nil)
        }
    }

    @Test func neverRepeatsAcrossTasks() async {
        let generator = RequestIDGenerator()
        let ids = await withTaskGroup(of: [RequestID].self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<1000).map { _ in generator.next() } }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(ids).count == 8000)
    }
}
