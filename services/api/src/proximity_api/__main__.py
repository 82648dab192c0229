from proximity_api.main import main

main()
