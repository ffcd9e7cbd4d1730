import Synchronization

/// One of a bounded number of places; given back, once, when it is released or goes away.
final class Place: Sendable {
    private let giveBack: @Sendable () -> Void
    private let isReleased = Atomic<Bool>(false)

    init(giveBack: @escaping @Sendable () -> Void) { self.giveBack = giveBack }

    func release() {
        if !isReleased.exchange(true, ordering: .acquiringAndReleasing) { giveBack() }
    }

    deinit { release() }
}
