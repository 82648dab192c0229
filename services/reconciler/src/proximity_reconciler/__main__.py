from proximity_reconciler.main import main

main()
