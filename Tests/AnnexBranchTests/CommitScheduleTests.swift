import Testing

@testable import AnnexBranch

@Suite struct CommitScheduleTests {
    private let start = ContinuousClock.now
    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    @Test("spec 02 #35: one second after the burst, five after its first change")
    func deadlines() {
        var subject = CommitSchedule(BranchSettings())
        #expect(subject.deadline == nil)
        subject.changed(files: 1, at: at(0))
        #expect(subject.deadline == at(1000))
        subject.changed(files: 1, at: at(900))
        #expect(subject.deadline == at(1900))
        for time in stride(from: 1800, through: 4500, by: 900) { subject.changed(files: 1, at: at(time)) }
        #expect(subject.deadline == at(5000))
        subject.committed()
        #expect(subject.deadline == nil)
    }

    @Test("spec 02 §2.8.3: a thousand changes are due at once; failures wait; a first push holds")
    func exceptions() {
        var subject = CommitSchedule(BranchSettings())
        subject.changed(files: 0, at: at(0))
        #expect(subject.deadline == nil)
        subject.changed(files: 1000, at: at(10))
        #expect(subject.deadline == at(10))
        subject.failed(at: at(20))
        #expect(subject.deadline == at(5020))
        subject.hold(until: at(9000))
        #expect(subject.deadline == at(9000) && subject.isHeld(at: at(8999)) && !subject.isHeld(at: at(9000)))
        subject.endHold()
        subject.committed()
        #expect(subject.deadline == nil && subject.pending == 0)
    }
}
