import sys

from proximity_projector.main import main

sys.exit(main())
