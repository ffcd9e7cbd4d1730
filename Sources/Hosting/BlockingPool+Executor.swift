public import AnnexBranch
public import Blocking

extension BlockingPool: BlockingExecutor {}
