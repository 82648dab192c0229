"""What can be deployed: recipes, and what follows from a person's settings of them."""
